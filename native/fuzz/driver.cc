// Runs the fuzz target without libFuzzer: inputs from files, or generated from a seed and steered by coverage. The
// instrumented code (-fsanitize-coverage=trace-pc) reports the blocks it enters; an input that took a new way from one
// block to another is kept and changed further. Bounded by a number of runs, or by seconds when asked.
//
//   ring-fuzz [-runs=N] [-seconds=S] [-seed=N] [-artifact=FILE] [-keep=FOLDER] [FILE...]
//
// Files are run first, and stay as what is changed further. What ends the process is written to the artifact first; what
// was kept goes to the folder.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kLongest = 2048;
constexpr uint32_t kEdges = 1 << 16;

uint8_t taken[kEdges];
uint32_t edges = 0;
uintptr_t previous = 0;

Bytes current;
const char* artifact = "ring-fuzz.crash";

// Also within a signal handler: system calls only.
void WriteArtifact() {
  const int fd = open(artifact, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ssize_t done = fd < 0 ? -1 : write(fd, current.data(), current.size());
  constexpr char kSaid[] = "ring-fuzz: the input is in the artifact: ";
  if (done >= 0) done = write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
  if (done >= 0) done = write(STDERR_FILENO, artifact, strlen(artifact));
  if (done >= 0) done = write(STDERR_FILENO, "\n", 1);
  if (fd >= 0) close(fd);
}

void OnAbort(int number) {
  WriteArtifact();
  signal(number, SIG_DFL);
  raise(number);
}

bool RunOne() {
  const uint32_t before = edges;
  previous = 0;
  LLVMFuzzerTestOneInput(current.data(), current.size());
  return edges > before;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Bytes Next(const std::vector<Bytes>& corpus) {
    Bytes bytes;
    if (corpus.empty() || Below(8) == 0) {
      bytes.resize(Below(kLongest));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
      return bytes;
    }
    bytes = corpus[Below(corpus.size())];
    for (size_t changes = 1 + Below(6); changes > 0; changes--) Change(&bytes, corpus);
    if (bytes.size() > kLongest) bytes.resize(kLongest);
    return bytes;
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void Change(Bytes* bytes, const std::vector<Bytes>& corpus) {
    const size_t at = Below(bytes->size() + 1);
    switch (Below(6)) {
      case 0:
        if (at < bytes->size()) (*bytes)[at] ^= static_cast<uint8_t>(1u << Below(8));
        return;
      case 1:
        if (at < bytes->size()) (*bytes)[at] = static_cast<uint8_t>(random_());
        return;
      case 2:
        bytes->insert(bytes->begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(random_()));
        return;
      case 3:
        bytes->resize(at);
        return;
      case 4: {
        const Bytes& other = corpus[Below(corpus.size())];
        const size_t from = Below(other.size() + 1);
        bytes->resize(at);
        bytes->insert(bytes->end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
        return;
      }
      default:
        for (size_t count = Below(32); count > 0; count--) bytes->push_back(static_cast<uint8_t>(random_()));
    }
  }

  std::mt19937_64 random_;
};

Bytes ReadFile(const char* path) {
  Bytes bytes;
  FILE* file = fopen(path, "rb");
  if (file == nullptr) {
    perror(path);
    exit(2);
  }
  for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) bytes.push_back(static_cast<uint8_t>(byte));
  fclose(file);
  return bytes;
}

void Keep(const char* folder, size_t number, const Bytes& bytes) {
  const std::string path = std::string(folder) + "/" + std::to_string(number);
  FILE* file = fopen(path.c_str(), "wb");
  if (file == nullptr || fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || fclose(file) != 0) {
    perror(path.c_str());
    exit(2);
  }
}

bool Option(const char* argument, const char* name, const char** value) {
  const size_t length = strlen(name);
  if (strncmp(argument, name, length) != 0) return false;
  *value = argument + length;
  return true;
}

}  // namespace

// Called at the start of every block of the instrumented sources, which this file is not.
extern "C" void __sanitizer_cov_trace_pc() {
  const uintptr_t at = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  uint8_t& edge = taken[((at * 0x9e3779b1u) ^ previous) % kEdges];
  if (edge == 0) edges++;
  edge = 1;
  previous = (at * 0x9e3779b1u) >> 1;
}

int main(int count, char** arguments) {
  uint64_t runs = 0;
  double seconds = 0;
  uint64_t seed = 1;
  const char* folder = nullptr;
  std::vector<Bytes> corpus;
  for (int i = 1; i < count; i++) {
    const char* value = nullptr;
    if (Option(arguments[i], "-runs=", &value)) runs = strtoull(value, nullptr, 10);
    else if (Option(arguments[i], "-seconds=", &value)) seconds = strtod(value, nullptr);
    else if (Option(arguments[i], "-seed=", &value)) seed = strtoull(value, nullptr, 10);
    else if (Option(arguments[i], "-artifact=", &value)) artifact = value;
    else if (Option(arguments[i], "-keep=", &value)) folder = value;
    else corpus.push_back(ReadFile(arguments[i]));
  }
  signal(SIGABRT, OnAbort);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(WriteArtifact);
  for (const Bytes& bytes : corpus) {
    current = bytes;
    RunOne();
  }
  const size_t files = corpus.size();
  Generator generator(seed);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  uint64_t run = 0;
  for (; run < runs || elapsed() < seconds; run++) {
    current = generator.Next(corpus);
    if (!RunOne()) continue;
    corpus.push_back(current);
    if (folder != nullptr) Keep(folder, corpus.size(), current);
  }
  printf("ring-fuzz: seed %llu, %zu files, %llu runs, %u edges, %zu inputs kept, %.1f s\n",
         static_cast<unsigned long long>(seed), files, static_cast<unsigned long long>(run), edges,
         corpus.size() - files, elapsed());
  return 0;
}
