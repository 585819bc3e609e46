// SPDX-License-Identifier: Apache-2.0
//
// Lines are written in order; a reader that is too slow causes lost lines but no delay.
#include "service/observability/line_sink.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

namespace evalrun::observability {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class Pipe {
 public:
  explicit Pipe(int flags = 0) { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | flags), 0); }
  ~Pipe() {
    CloseWriter();
    close(ends_[0]);
  }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  // Reads until the writer is closed.
  std::string ReadAll() {
    std::string all;
    std::array<char, 4096> chunk;
    for (ssize_t n; (n = read(ends_[0], chunk.data(), chunk.size())) > 0;) {
      all.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// The receipts of lines, by id, in a map that a test waits for.
class Receipts {
 public:
  LineSink::ReceiptCallback Callback() {
    return [this](const std::vector<LineReceipt>& receipts) {
      const std::lock_guard lock(mutex_);
      for (const LineReceipt& receipt : receipts) {
        EXPECT_TRUE(by_id_.emplace(receipt.id, receipt.written).second) << "only one each";
      }
    };
  }
  std::map<std::uint64_t, bool> WaitFor(std::size_t count) {
    for (;;) {
      const std::lock_guard lock(mutex_);
      if (by_id_.size() >= count) return by_id_;
      std::this_thread::yield();
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, bool> by_id_;
};

TEST(LineSinkTest, ReportsTrackedLinesThatWereWritten) {
  Pipe pipe;
  Receipts receipts;
  {
    LineSink sink(pipe.writer());
    sink.SetReceiptCallback([] {}, receipts.Callback());
    sink.LogTracked("one", 1);
    sink.LogTracked("two", 2);
    EXPECT_THAT(receipts.WaitFor(2), ElementsAre(Pair(1, true), Pair(2, true)));
  }
  pipe.CloseWriter();
  EXPECT_EQ(pipe.ReadAll(), "one\ntwo\n");
}

// Lines are dropped because the buffer is full, and then because nobody can read them any more.
TEST(LineSinkTest, ReportsTrackedLinesThatWereDropped) {
  Pipe pipe;
  ASSERT_GT(fcntl(pipe.writer(), F_SETPIPE_SZ, 4096), 0);
  Receipts receipts;
  LineSink sink(pipe.writer(), /*capacity_bytes=*/8192);
  sink.SetReceiptCallback([] {}, receipts.Callback());
  constexpr std::uint64_t kLines = 100;
  for (std::uint64_t i = 0; i < kLines; ++i) sink.LogTracked(std::string(1000, 'x'), i);
  const auto dropped = sink.dropped_lines();
  EXPECT_GE(dropped, kLines - 4096 / 1001 - 2 * (8192 / 1001));
  std::thread reader([&] { pipe.ReadAll(); });
  const auto by_id = receipts.WaitFor(kLines);
  pipe.CloseWriter();
  reader.join();
  EXPECT_EQ(std::ranges::count_if(by_id, [](const auto& entry) { return !entry.second; }),
            static_cast<std::ptrdiff_t>(sink.dropped_lines()));
  EXPECT_TRUE(by_id.at(kLines - 1)) << "the oldest are dropped";
}

TEST(LineSinkTest, WritesEachMessageAsALineInOrder) {
  Pipe pipe;
  {
    spdlog::logger logger("test", std::make_shared<LineSink>(pipe.writer()));
    logger.info("one");
    logger.warn("two");
    logger.info("{}");  // the payload is not used as a format string
  }
  pipe.CloseWriter();
  EXPECT_EQ(pipe.ReadAll(), "one\ntwo\n{}\n");
}

TEST(LineSinkTest, WritesWarningsWithoutBatchDelay) {
  Pipe pipe;
  auto sink = std::make_shared<LineSink>(pipe.writer());
  spdlog::logger logger("test", sink);
  logger.error("now");
  // Blocks until the line has been written: the sink is still open, so nothing else can end the
  // read.
  std::array<char, 4> bytes;
  for (std::size_t n = 0; n < bytes.size();) {
    const ssize_t got = read(pipe.reader(), bytes.data() + n, bytes.size() - n);
    ASSERT_GT(got, 0);
    n += static_cast<std::size_t>(got);
  }
  EXPECT_EQ(std::string(bytes.data(), bytes.size()), "now\n");
}

TEST(LineSinkTest, KeepsLinesWholeAndInOrderPerThread) {
  constexpr int kThreads = 8;
  constexpr int kLines = 500;
  Pipe pipe;
  auto sink = std::make_shared<LineSink>(pipe.writer());
  std::string written;
  std::thread reader([&] { written = pipe.ReadAll(); });
  {
    std::vector<std::thread> writers;
    for (int thread = 0; thread < kThreads; ++thread) {
      writers.emplace_back([&sink, thread] {
        spdlog::logger logger("test", sink);
        for (int line = 0; line < kLines; ++line) {
          logger.log(line % 7 == 0 ? spdlog::level::warn : spdlog::level::info, "{} {}", thread,
                     line);
          if (line % 50 == 0) logger.flush();
          EXPECT_EQ(sink->dropped_lines(), 0U);
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
  }
  sink.reset();
  pipe.CloseWriter();
  reader.join();

  std::array<int, kThreads> next{};
  std::istringstream lines(written);
  int thread = 0;
  for (int line = 0; lines >> thread >> line;) {
    ASSERT_THAT(thread, ::testing::AllOf(::testing::Ge(0), ::testing::Lt(kThreads)));
    EXPECT_EQ(line, next.at(static_cast<std::size_t>(thread))++);
  }
  EXPECT_TRUE(lines.eof()) << "every line is two numbers";
  EXPECT_THAT(next, ::testing::Each(kLines));
}

TEST(LineSinkTest, DropsAndCountsOldestLinesWhenFull) {
  Pipe pipe;
  constexpr int kLines = 20'000;  // of 100 bytes: far more than the pipe and the buffer can hold
  auto sink = std::make_shared<LineSink>(pipe.writer(), /*capacity_bytes=*/64 * 1024);
  {
    spdlog::logger logger("test", sink);
    for (int i = 0; i < kLines; ++i) {
      std::string line = std::to_string(i);
      line.resize(99, '.');
      logger.info(spdlog::string_view_t(line.data(), line.size()));
    }
  }
  const std::uint64_t dropped = sink->dropped_lines();
  EXPECT_GT(dropped, kLines / 2u);

  std::string written;
  std::thread reader([&] { written = pipe.ReadAll(); });
  sink.reset();
  pipe.CloseWriter();
  reader.join();
  EXPECT_EQ(dropped + static_cast<std::uint64_t>(std::ranges::count(written, '\n')), kLines + 0u)
      << "each line is accounted for";
  EXPECT_THAT(written, ::testing::HasSubstr("\n" + std::to_string(kLines - 1) + "."))
      << "the newest line is kept";
}

// A limit on the file size simulates a disk that is full and later has space again.
TEST(LineSinkTest, TerminatesAPartiallyWrittenLine) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit full = before;
  full.rlim_cur = 12;
  auto sink = std::make_shared<LineSink>(fileno(file));
  spdlog::logger logger("test", sink);
  setrlimit(RLIMIT_FSIZE, &full);
  logger.error("complete");
  logger.error("torn");
  while (sink->dropped_lines() == 0) std::this_thread::yield();
  setrlimit(RLIMIT_FSIZE, &before);
  logger.error("whole");
  sink.reset();
  logger.sinks().clear();
  std::string content(64, '\0');
  content.resize(static_cast<std::size_t>(pread(fileno(file), content.data(), 64, 0)));
  EXPECT_EQ(content, "complete\ntor\nwhole\n");
  std::fclose(file);
}

TEST(LineSinkTest, EachWriteIsOfWholeLines) {
  Pipe pipe(O_DIRECT);  // each write is read by itself (pipe(2))
  std::size_t lines = 0;
  // At the same time, because the pipe may have place for 16 writes only, however small.
  std::thread reader([&] {
    std::array<char, 4096> written;
    for (ssize_t n; (n = read(pipe.reader(), written.data(), written.size())) > 0;) {
      const std::string_view text(written.data(), static_cast<std::size_t>(n));
      EXPECT_TRUE(text.ends_with('\n'));
      lines += static_cast<std::size_t>(std::ranges::count(text, '\n'));
    }
  });
  {
    LineSink sink(pipe.writer());
    sink.SetReceiptCallback([] {}, [](const std::vector<LineReceipt>&) {});
    for (std::uint64_t id = 0; id < 200; ++id) sink.LogTracked(std::string(100 + id, 'x'), id);
    EXPECT_TRUE(sink.Close());
  }
  pipe.CloseWriter();
  reader.join();
  EXPECT_EQ(lines, 200u);
}

}  // namespace
}  // namespace evalrun::observability
