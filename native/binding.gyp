{
  "targets": [
    {
      "target_name": "pagewire",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "arena.cc",
              "callback.cc",
              "checksum.cc",
              "guarded-copy.cc",
              "interface.cc",
              "link-watch.cc",
              "mapped-file.cc",
              "module.cc",
              "poller.cc",
              "prefetcher.cc",
              "ring.cc",
              "tap.cc",
              "timer.cc"
            ],
            "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
            "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
            # The handler of SIGBUS (guarded-copy.cc) outlives the thread that loaded it.
            "ldflags": ["-Wl,-z,nodelete"],
            "cflags": ["-Wall", "-Wextra", "-O3", "-fvisibility=hidden"],
            "cflags!": ["-Wno-unused-parameter"],
            "cflags_cc": ["-std=c++17", "-fno-exceptions"]
          },
          {"type": "none"}
        ]
      ]
    }
  ]
}
