"""Hours and price of 10¹² bytes on n workers, from what `ray_workers.py` measured.

    hours(n) = 10¹² / min(n · w, d) / 3600        w, d: bytes a second of one worker, and of the driver alone

The driver reads, sends, receives and writes for all workers, so that d / w workers keep it busy: Amdahl's bound. Linear
up to there is the best case, for workers on one machine share its memory bandwidth; compare the measured ratio of two.
PRICE is that of a machine-hour.

    python benchmarks/ray_workers.py | tail -1 | python benchmarks/cluster_cost.py PRICE WORKERS_A_MACHINE
"""

import json
import sys


def main() -> None:
    price, workers_a_machine = float(sys.argv[1]), int(sys.argv[2])
    measured = json.loads(sys.stdin.read())
    worker, driver = measured["one_worker_bytes_a_second"], measured["driver_bytes_a_second"]
    print(f"one worker {worker} bytes/s, {measured['bytes_a_token']} bytes a token; driver alone {driver} bytes/s")
    print(
        f"the driver is busy {worker / driver:.3%} of one worker's time: at most {driver / worker:.0f} workers' speed"
    )
    print(f"{'workers':>8} {'machines':>9} {'hours':>10} {'machine-hours':>14} {'price':>10}")
    for workers in (1, 2, 16, 128, 1024):
        machines = -(-workers // workers_a_machine)
        hours = 1e12 / min(workers * worker, driver) / 3600
        print(f"{workers:>8} {machines:>9} {hours:>10.0f} {hours * machines:>14.0f} {hours * machines * price:>10.0f}")


if __name__ == "__main__":
    main()
