// A connector without a runtime that builds a request of its own: a search for
// the person whom the webhook is about. The template may stand here because the
// manifest declares macro_roots = ["ad"].
//
//   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,--strip-all -o macro.wasm macro.c

#define IMPORT(name) __attribute__((import_module("rollcall_v1"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("macro") long long macro(const char *template, int length, int place, char *ptr, int cap);
IMPORT("http_send") long long http_send(const char *request, int length);
IMPORT("http_status") int http_status(long long handle);
IMPORT("respond") int respond(long long handle);
IMPORT("last_error") long long last_error(char *ptr, int cap);
IMPORT("fail") void fail(int kind, const char *text, int length);

#define TEXT(s) s, sizeof(s) - 1
#define JSON 4 // the place: within the quotes of a JSON string

static char request[4096];

static int put(int at, const char *text, int length) {
  for (int i = 0; i < length; i++) request[at + i] = text[i];
  return at + length;
}

EXPORT("rollcall_invoke") int invoke(void) {
  int at = put(0, TEXT("{\"method\":\"GET\",\"path\":\"/search\",\"query\":{\"mail\":\""));
  int room = sizeof(request) - at - 3;
  long long n = macro(TEXT("{{ lower(ad.mail) }}"), JSON, request + at, room);
  if (n < 0 || n > room) { // negative: a code, and last_error says at which place of the template
    n = n < 0 ? last_error(request, sizeof(request)) : 0;
    fail(8, request, n > sizeof(request) ? sizeof(request) : n);
    return 1;
  }
  at = put(at + n, TEXT("\"}}"));
  long long h = http_send(request, at);
  if (h < 0 || http_status(h) != 200) {
    fail(5, TEXT("GET /search has no answer"));
    return 1;
  }
  return respond(h) < 0;
}
