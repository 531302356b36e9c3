package rescue

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, want := range []error{nil, io.EOF} {
		if err := Do(logger, func() error { return want }); !errors.Is(err, want) || log.Len() > 0 {
			t.Errorf("%v, want %v; logged %s", err, want, log.String())
		}
	}
	err := Do(logger, func() error { panic("the sky") }, "automation", "staff")
	var caught *Error
	if !errors.As(err, &caught) || !strings.Contains(err.Error(), "internal error of rollcall: the sky; next: report it") {
		t.Errorf("%v", err)
	}
	if text := log.String(); strings.Count(text, "internal error") != 1 || !strings.Contains(text, "automation=staff") || !strings.Contains(text, "rescue_test.go") {
		t.Errorf("logged %s", text)
	}
}
