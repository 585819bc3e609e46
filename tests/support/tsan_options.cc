// For the preset tsan: a test with a gRPC client reports nothing about itself. gRPC is not
// instrumented, and it is the gateway, a process of its own, that is under test.
extern "C" const char* __tsan_default_options();  // NOLINT(readability-identifier-naming): its name
extern "C" const char* __tsan_default_options() { return "report_bugs=0"; }
