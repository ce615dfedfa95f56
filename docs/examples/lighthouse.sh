entropist trace lighthouse.txt --html lighthouse.html --svg lighthouse.svg
