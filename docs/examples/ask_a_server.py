"""An answer as it comes, and what is known of it."""

from small_server import start

import entropist as en
from entropist.report import write_html

server, address = start()
with en.connect(address, vocabulary_size=4096) as connection:
    answer = connection.stream("It was the best of times, it was", max_tokens=40)
    for piece in answer:
        print(piece.text_bytes().decode(errors="replace"), end="")
trace = answer.trace()
print("\nmean entropy", trace.mean_entropy_bounds(unit="bits"))
print("perplexity  ", trace.perplexity_bounds())
write_html(trace, "answer.html")
server.shutdown()
server.server_close()
