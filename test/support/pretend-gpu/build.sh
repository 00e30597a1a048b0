#!/usr/bin/env bash
# build.sh OUT.so: the pretend GPU for node-llama-cpp's Vulkan prebuilt (Linux x64), and OUT-preload.so beside it.
# Needs npm ci, git and g++; that prebuilt loads only where libvulkan1 is.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "$0")"
modules=$(realpath ../../../node_modules)
headers=$(mktemp -d)
trap 'rm -rf "$headers"' EXIT

# The headers of exactly the llama.cpp that the prebuilt was made of.
git -c advice.detachedHead=false clone --quiet "$modules/node-llama-cpp/llama/gitRelease.bundle" "$headers"
compile=(g++ -std=c++17 -O2 -Wall -Wextra -fPIC -shared)
"${compile[@]}" -o "$out" pretend-gpu.cpp -I "$headers/ggml/include" -I "$headers/ggml/src" \
  -L "$modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan" -lggml-base
"${compile[@]}" -o "${out%.so}-preload.so" preload.cpp
