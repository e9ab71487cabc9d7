"""The model of bare.rs in SimPy, as people write it: a process for every message.

Usage: simpy_model.py SENDERS MESSAGES burst|steady; prints attempts, deferred attempts and seconds of CPU time.
"""

import random
import sys
import time

import simpy

SLOTS, SERVICE, HOUR, TOKENS_PER_HOUR, ATTEMPTS_MAX = 20, 5.0, 3600.0, 1000.0, 8


class Sender:
    def __init__(self, env):
        self.env, self.slots = env, simpy.Resource(env, SLOTS)
        self.tokens, self.filled = 1.0, 0.0

    def takes(self):
        self.tokens = min(1.0, self.tokens + (self.env.now - self.filled) * TOKENS_PER_HOUR / HOUR)
        self.filled = self.env.now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Sums:
    attempts = deferred = 0


def message(env, sender, chance, sums):
    for tried in range(1, ATTEMPTS_MAX + 1):
        with sender.slots.request() as slot:
            yield slot
            yield env.timeout(chance.expovariate(1 / SERVICE))
        sums.attempts += 1
        if sender.takes():
            return
        sums.deferred += 1
        if tried < ATTEMPTS_MAX:
            yield env.timeout(min(900 * 2 ** (tried - 1), 14400) * chance.uniform(0.9, 1.1))


def arrivals(env, sender, first, gap, count, chance, sums):
    yield env.timeout(first)
    for n in range(count):
        env.process(message(env, sender, chance, sums))
        if n + 1 < count:
            yield env.timeout(gap)


def main():
    senders, messages, shape = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    each = messages // senders
    gap = HOUR / each if shape == "burst" else 240.0
    env, chance, sums = simpy.Environment(), random.Random(1), Sums()
    began = time.process_time()
    for n in range(senders):
        env.process(arrivals(env, Sender(env), gap * n / senders, gap, each, chance, sums))
    env.run()
    print(sums.attempts, sums.deferred, time.process_time() - began)


if __name__ == "__main__":
    main()
