// The smallest connector that fetches: one request, one array. It shows that
// the ABI needs no runtime, and what a call costs without one.
//
//   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,--strip-all -o guest.wasm guest.c

#define IMPORT(name) __attribute__((import_module("rollcall_v1"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("http_send") long long http_send(const char *request, int length);
IMPORT("http_status") int http_status(long long handle);
IMPORT("emit") long long emit(long long handle, const char *array, int array_length,
                              const char *record, int record_length, int flags);
IMPORT("fail") void fail(int kind, const char *text, int length);

#define TEXT(s) s, sizeof(s) - 1

EXPORT("rollcall_fetch") int fetch(void) {
  long long h = http_send(TEXT("{\"method\":\"GET\",\"path\":\"/users\"}"));
  if (h < 0 || http_status(h) != 200) {
    fail(5, TEXT("GET /users has no answer"));
    return 1;
  }
  if (emit(h, TEXT("/data"), "", 0, 0) < 0) {
    fail(6, TEXT("GET /users: there is no array at /data"));
    return 1;
  }
  return 0;
}
