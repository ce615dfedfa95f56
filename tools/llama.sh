#!/usr/bin/env bash
# llama.cpp's own tools and its Python binding, both built from the source inside the pinned llama-cpp-python
# release, once, into a cache: llama-server, llama-perplexity, llama-quantize and a wheel.
# The first run takes some ten minutes on two cores; later ones only install the wheel.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=.venv/bin/python
pip=("$python" -m pip --disable-pip-version-check --quiet)
version="$(sed -n 's/^llama_cpp_python==//p' constraints.txt)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/entropist/llama-cpp-$version"
tools=(llama-server llama-perplexity llama-quantize)
mkdir -p "$cache"

if [ ! -e "$cache/done" ]; then
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  "${pip[@]}" download --no-deps --no-binary llama-cpp-python -d "$work" "llama-cpp-python==$version"
  tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work"
  source="$(echo "$work"/llama_cpp_python-*/vendor/llama.cpp)"
  echo "building ${tools[*]} (llama.cpp inside llama-cpp-python $version)"
  cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$cache/build.log"
  cmake --build "$work/build" -j "$(nproc)" --target "${tools[@]}" >>"$cache/build.log" 2>&1
  echo "building the wheel of llama-cpp-python $version"
  "${pip[@]}" wheel --no-deps -w "$cache" "$work"/llama_cpp_python-*.tar.gz
  for tool in "${tools[@]}"; do cp "$work/build/bin/$tool" "$cache/"; done
  touch "$cache/done"
fi
"${pip[@]}" install -c constraints.txt "$cache"/llama_cpp_python-"$version"-*.whl
echo "llama.cpp's tools are in $cache"
