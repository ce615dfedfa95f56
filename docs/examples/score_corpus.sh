entropist score lighthouse.txt --save scored
entropist score lighthouse.txt --save scored --resume --spans 2 --html score.html
