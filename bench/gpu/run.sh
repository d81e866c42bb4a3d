#!/bin/sh
# The device checks in one run of under 10 minutes, for a machine with a card and nothing else: tests of kernels on the card, the
# sanitizer on the small ones, then the table beside the peers. Nothing is fetched: BUILD is a build with COSTATE_BUILD_BENCH=ON and
# tests, made where the compilers are; PYTHON has diffrax, jax, torch and torchdiffeq. What it prints goes to docs/benchmarks_gpu.md.
# usage: bench/gpu/run.sh BUILD PYTHON OUT
set -eu
build=$1 python=$2 out=$3
export COSTATE_CUDA=experimental
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$out/card.txt"
timeout 120 "$build/tests/cuda_test" --gtest_filter='Card.*:Nvrtc.*:GradientKernel.*:DeviceProgram.*' | tee "$out/tests.txt"
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck; do
    timeout 50 compute-sanitizer --tool $tool "$build/tests/cuda_test" --gtest_filter='Card.SolvesAsTheCpuDoes:Card.FollowsDisturbancesAsTheCpuDoes' | tee "$out/$tool.txt"
  done
fi
timeout 90 "$build/bench/gpu_costate_side" run 1 | tee "$out/costate.jsonl"
here=$(dirname "$0")
for precision in highest default; do
  for peer in diffrax torchdiffeq; do
    timeout 65 "$python" "$here/peers_side.py" $peer $precision 1 | tee -a "$out/peers.jsonl" || echo "$peer $precision ended early" | tee -a "$out/peers.jsonl"
  done
done
