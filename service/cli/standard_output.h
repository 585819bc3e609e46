// File: standard_output.h
//
// Standard output whose reader may go away. SIGPIPE has to be ignored.
#ifndef EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_
#define EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_

#include <string>
#include <string_view>

namespace evalrun::cli {

class StandardOutput {
 public:
  // Writes at once, unbuffered. After a failure it does nothing, and returns false.
  bool Write(std::string_view text);

  // Why a write failed, as a sentence without its full stop; empty when none did.
  [[nodiscard]] std::string Error() const;

 private:
  int error_ = 0;  // errno
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_
