#!/usr/bin/env bash
# Benchmarks. Each result is a ratio to a baseline that runs interleaved in the
# same run, because absolute figures depend on the machine and its other load.
# Metrics are medians.
#   OneBody, Pages, CGuest  a fetch through a connector, against a native client
#              that reads the same bodies with the same parser: one body of 3,000
#              records, 100 pages of 500, one body through a guest in C;
#              native-one-buffer reuses one buffer for all pages, native makes
#              one for each, as io.ReadAll does
#   Checks, Size, Harden  a Go guest with the checks that the host adds to its
#              code, against the same guest without them
#   WarmInvoke a webhook through an instance that serves many, in processor time,
#              against a new instance for each, and against a native client; the
#              server is another process
#   Load       one and two Go connectors from an empty and from a warm cache
#   TenThousand  10,000 records of each vendor under the vendor's and the
#              manifest's rate limits: requests, 429 answers (none), tokens, and
#              time against the least that the limits allow
#   Many       100,000 and a million records without limits: the growth of the
#              process's memory, which includes the simulator
#   AgainstOthers  the parser, against encoding/json into structs and jsontext
#   Outbox     of the store: 100,000 queued deliveries that are taken, saved and
#              settled in batches, with a sender that does nothing: deliveries/s,
#              the ratio to one delivery at a time, and the growth of the heap; of
#              the dispatcher: 5,000 orchestrations from their start to their end,
#              with the processor time of each delivery, and how many two cores
#              without other work could send by that
#   Events     of the store: the transaction that brings the mirror up to date with
#              10,000 changed users, with events against without; and one in which
#              a group of 10,000 exchanges a member
#   Drain      100,000 queued deliveries through the dispatcher, ten for each
#              object: the heap when a tenth, half and nine tenths were sent, and
#              the objects whose deliveries came out of order (none)
#   Connectors 2,000 deliveries through both connectors, without limits, to a
#              server in another process that says yes to everything
#   one application down  the longest that another waits meanwhile, by a simulated
#              clock
#   Map        ten attributes with five functions each, on one core: records/s, and
#              the ratio to the rate of plain Go that gives the same
#   Load/*_attributes  of the configuration: seconds to load 500 mapped attributes
#              in 50 data sources, and ten times as many
#   records/s  through connector, mapping and plan, against the same work in
#              plain native Go; the ratio is our time divided by theirs
#   Join       two endpoints with a million records each, read and joined by key: the
#              ratio to reading each of them alone as a run does, with the records
#              staged until the answer is complete (ratio), and to fetching both and
#              throwing them away (fetch-ratio); by how much the process grows, and how
#              large it is, with the server in it. With -short 100,000 each
#   Feed       1,000 changes at a domain controller, from when it has a change to
#              the first request about it: p50, p90, p99 and max, idle and while an
#              automation creates 5,000 accounts, beside what an exchange with the
#              domain controller takes meanwhile (dc), and what each stage took for
#              99 of 100: until the mirror shows it (seen), it is judged, the call is
#              made of what the directory has, taken, and sent; what the feed costs when
#              nothing happens: processor time and exchanges. As at a Windows domain
#              controller, and other than by Samba's default, no connection waits for
#              another one of the same process (ROLLCALL_DC_MODEL)
#   FeedFlood  10,000 changes as fast as the domain controller takes them: the
#              memory of the agent, how many were told, in which order, and how
#              long after the last change the last was told. What the memory grows by
#              is the eight instances of the connector that send side by side, some
#              6 MiB each and 16 at most, and what the garbage collector lets lie; it
#              does not grow with the number of changes
#   users/s    of an apply, against ldapadd of the same entries on the same
#              domain controller; the ratio is our rate divided by theirs
#   Instant    one user of the application changes after the other, and the
#              automation runs for that user alone: the time from the call to the
#              end of the run, when the domain controller has the write and the
#              journal its outcome, as a histogram
#   Received   the same by a running agent that the application tells of it: from the
#              request to the receiver until somebody else sees the change at the
#              domain controller, as a histogram; and how long the application waits
#              for its answer (answered)
#   Answer     of the receiver: how long an application waits until its delivery is
#              on the disk, alone and while others write to the state all the time
# scripts/bench.sh host leaves out the benchmarks that need a domain controller.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

only=all
if [ "${1:-}" = host ]; then
  only=host
  shift
fi
bench() { # FOLDER PATTERN TIMES
  go test "$1" -run '^$' -bench "$2" -benchtime "$3" -timeout 30m "${@:4}" |
    grep -E '^(Benchmark.*[[:space:]]|FAIL|panic|---|[[:space:]]+[a-z_]+_test.go)' |
    sed -E 's/^(Benchmark[^[:space:]]+)[[:space:]]+[0-9]+[[:space:]]+/\1  /; s/  +[0-9.]+ ns\/op//; s/\t +/  /g'
}
bench ./host . 1x -v "$@"
bench ./host/internal/wasmfile BenchmarkHarden 1x "$@"
bench ./host/internal/jsonstream BenchmarkAgainstOthers 25x "$@"
for vendor in pipedrive infobip; do
  bench ./plugins/$vendor . 1x "$@"
done
bench ./agent/internal/store 'BenchmarkOutbox|BenchmarkEvents' 1x "$@"
bench ./agent/internal/mapping 'BenchmarkMap$' 1x "$@"
bench ./agent/internal/config BenchmarkLoad 5x "$@"
bench ./agent/internal/dispatch . 1x -cpu 2 "$@"
bench ./agent/internal/receiver . 1000x "$@"
go test ./agent/internal/dispatch -run TestOneApplicationDown -v | grep -E 'one application down|^(FAIL|---)'
[ "$only" = all ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then scripts/dc.sh install; fi
ROLLCALL_DC_MODEL=standard go test ./agent -run '^$' -bench 'Feed|Instant|Received' -benchtime 1x -timeout 30m "$@"
go test ./agent -run '^$' -bench . -skip 'Feed|Instant|Received' -benchtime 1x -timeout 30m "$@"
