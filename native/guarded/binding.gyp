{
  "includes": ["../binding.gyp"],
  "target_defaults": {
    "sources": ["payload-guard.cc"],
    "defines": ["PAGEWIRE_GUARD"]
  }
}
