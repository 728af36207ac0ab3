"""Fetches http://ADDRESS:PORT/ COUNT times, each over a connection of its own: syn-clients.py ADDRESS PORT COUNT.

Prints how many answers came in full within five seconds, and the slowest in milliseconds.
"""

import socket
import sys
import time


def visit(address, port):
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: pagewire\r\nConnection: close\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer.startswith(b"HTTP/1.1 200") and answer.rstrip().endswith(b"</html>")
    except OSError:
        return False


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    good, slowest = 0, 0.0
    for _ in range(count):
        begin = time.monotonic()
        good += visit(address, port)
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.01)
    print(good, round(slowest * 1000))


main()
