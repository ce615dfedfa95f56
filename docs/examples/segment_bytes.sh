entropist segment lighthouse.txt --mean-size 4.5 --top 12
