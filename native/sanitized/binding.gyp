{
  "includes": ["../binding.gyp"],
  "target_defaults": {
    "cflags": [
      "-fsanitize=address,undefined",
      "-fno-sanitize=vptr",
      "-fno-sanitize-recover=all",
      "-fno-omit-frame-pointer",
      "-g"
    ],
    "ldflags": ["-fsanitize=address,undefined"]
  },
  "targets": [
    {
      # What the sanitizers must find (planted.cc): a run that lets it pass proves nothing.
      "target_name": "planted",
      "sources": ["planted.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags": ["-Wall", "-Wextra", "-O1"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions"]
    }
  ]
}
