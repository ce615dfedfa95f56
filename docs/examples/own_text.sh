entropist trace lighthouse.txt --unit nats --top 3 --save lighthouse.parquet
