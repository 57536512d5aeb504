"""Reads a domain's console until it shows a text: URI, NAME, TEXT, SECONDS. What it has shown is printed; the status is 1 where the text did not come."""
import sys
import threading
import time
import libvirt

URI, NAME, TEXT, SECONDS = sys.argv[1:5]


def run_loop():
    while True:
        libvirt.virEventRunDefaultImpl()


# A stream that does not block is filled by the event loop alone.
libvirt.virEventRegisterDefaultImpl()
threading.Thread(target=run_loop, daemon=True).start()
stream = (connection := libvirt.open(URI)).newStream(libvirt.VIR_STREAM_NONBLOCK)
connection.lookupByName(NAME).openConsole(None, stream, 0)
shown, end = b'', time.monotonic() + float(SECONDS)
while TEXT.encode() not in shown and time.monotonic() < end:
    piece = stream.recv(65536)
    if piece == -2:
        time.sleep(0.05)
    elif not piece:
        break
    else:
        shown += piece
stream.abort()
sys.stdout.write(shown.decode(errors='replace'))
sys.exit(0 if TEXT.encode() in shown else 1)
