# Ask any server, and see the answer as it comes
entropist ask http://localhost:8080 "Why is the sky blue?" --html sky.html
entropist ask https://api.openai.com "Why is the sky blue?" --model gpt-4o-mini

# A saved answer in words; two compared; a directory as a table
entropist diagnose answer.json
entropist diagnose yesterday.json today.json
entropist diagnose answers/

# The same five prompts every hour: is it still the same model?
entropist watch https://api.openai.com --model gpt-4o-mini --every 3600 --rounds 24
