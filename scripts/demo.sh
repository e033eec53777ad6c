#!/usr/bin/env bash
# Install and build what is missing, then run the main job with nothing else running.
#
# usage: demo [--records N] [--keep DIR]
#   --records N  how many events to make (default 1,000,000)
#   --keep DIR   leave job, table and checkpoint in this new folder
# A Kafka broker inside the process, a generator of click events, the job of examples/clicks.yaml,
# and at the end the first rows, the totals and the figures. Ctrl-C seals, commits and shows what
# was read; a second one abandons it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/build.sh release sluice
exec build/sluice demo "$@"
