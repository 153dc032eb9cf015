"""A TCP proxy that does to connections what networks do: delays, cuts, swallows. One thread, no library."""

import contextlib
import selectors
import socket
import threading
import time

k_chunk = 1 << 16
k_most_waiting = 8 << 20  # bytes on their way per direction; then the sender has to wait


class Pipe:
    """One direction of one connection: what was read, and when it may be written."""

    def __init__(self, source, sink):
        self.source, self.sink, self.waiting, self.size = source, sink, [], 0
        self.ended = False  # the source has closed its half


class FaultProxy:
    """Listens on 127.0.0.1 and forwards to a port there. May be told at any time to:

    delay(seconds)  keep every byte for so long, both ways
    cut()           reset every connection; new ones are served
    black_hole()    forward nothing and close nothing: what a partition looks like from both ends
    refuse()        take no new connection and reset those that are there
    heal()          forward again
    """

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.listener.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.lock = threading.Lock()
        self.pairs, self.pause, self.mode, self.connections = [], 0.0, "forward", 0
        self.wanted = []
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def delay(self, seconds):
        self.pause = seconds

    def cut(self):
        self.ask("cut")

    def black_hole(self):
        self.mode = "swallow"

    def refuse(self):
        self.mode = "refuse"
        self.ask("cut")

    def heal(self):
        self.mode = "forward"

    def ask(self, what):
        with self.lock:
            self.wanted.append(what)

    def stop(self):
        self.running = False
        self.thread.join()
        for pair in list(self.pairs):
            self.drop(pair)
        self.listener.close()
        self.selector.close()

    # --- the thread ---

    def run(self):
        while self.running:
            with self.lock:
                wanted, self.wanted = self.wanted, []
            if "cut" in wanted:
                for pair in list(self.pairs):
                    self.drop(pair, reset=True)
            for key, _ in self.selector.select(0.005):
                if key.data is None:
                    self.accept()
                elif self.mode == "forward":
                    self.read(*key.data)
            if self.mode == "swallow":
                time.sleep(0.005)  # what is readable stays so
            else:
                self.write()

    def accept(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            if self.mode != "forward":
                if self.mode == "refuse":
                    self.reset(client)
                else:
                    client.setblocking(False)
                    self.pairs.append((Pipe(client, None),))  # accepted by nobody
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                self.reset(client)
                return
            self.connections += 1
            pair = (Pipe(client, server), Pipe(server, client))
            for pipe in pair:
                pipe.source.setblocking(False)
                pipe.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(pipe.source, selectors.EVENT_READ, (pair, pipe))
            self.pairs.append(pair)

    def read(self, pair, pipe):
        if pair not in self.pairs or pipe.ended or pipe.size > k_most_waiting:
            return
        try:
            data = pipe.source.recv(k_chunk)
        except BlockingIOError:
            return
        except OSError:
            self.drop(pair, reset=True)
            return
        pipe.waiting.append((time.monotonic() + self.pause, data))
        pipe.size += len(data)
        if not data:
            pipe.ended = True
            self.selector.unregister(pipe.source)

    def write(self):
        now = time.monotonic()
        for pair in list(self.pairs):
            for pipe in pair:
                if pipe.sink is not None and not self.flush(pipe, now):
                    self.drop(pair, reset=True)
                    break
            else:
                if all(pipe.ended and not pipe.waiting for pipe in pair) and pair[0].sink is not None:
                    self.drop(pair)

    @staticmethod
    def flush(pipe, now):
        while pipe.waiting and pipe.waiting[0][0] <= now:
            due, data = pipe.waiting[0]
            try:
                if not data:
                    pipe.sink.shutdown(socket.SHUT_WR)
                    pipe.waiting.pop(0)
                    continue
                sent = pipe.sink.send(data)
            except BlockingIOError:
                return True
            except OSError:
                return False
            pipe.size -= sent
            if sent == len(data):
                pipe.waiting.pop(0)
            else:
                pipe.waiting[0] = (due, data[sent:])
        return True

    def drop(self, pair, reset=False):
        if pair not in self.pairs:
            return
        self.pairs.remove(pair)
        for pipe in pair:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(pipe.source)
            self.reset(pipe.source) if reset else pipe.source.close()

    @staticmethod
    def reset(connection):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
