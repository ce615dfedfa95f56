entropist score lighthouse.txt --save scored
entropist score lighthouse.txt --save scored --resume
