package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/rollcall-agent/rollcall/host/internal/compiler"
	"github.com/rollcall-agent/rollcall/host/regular"
)

// Inspect checks one file as a Host with these settings would, compiles it, and
// collects all the reasons to refuse it. err is for failures that say nothing
// about the file. ModulesDir is not used.
func Inspect(ctx context.Context, file string, s Settings) (m Module, problems []error, err error) {
	s, err = s.withDefaults()
	if err != nil {
		return m, nil, fmt.Errorf("inspect %s: %w", file, err)
	}
	h := &Host{settings: s, log: slog.New(slog.DiscardHandler), catalog: newCatalog()}
	if h.keys, err = parseKeys(s.TrustedKeys); err != nil {
		return m, nil, fmt.Errorf("inspect %s: %w", file, err)
	}
	if h.versions, err = readVersions(s.VersionsFile); err != nil {
		return m, nil, fmt.Errorf("inspect %s: %w", file, err)
	}
	wasm, err := regular.Read(file, MaxModule)
	if err != nil {
		return m, nil, fmt.Errorf("inspect %s: %w", file, err)
	}
	m = describe(file, wasm)
	var problem error
	if m.Signature, problem = h.verify(file, wasm); problem != nil {
		problems = append(problems, problem)
	}
	code, problem := h.examine(&m, wasm)
	if problem != nil {
		return m, append(problems, problem), nil
	}
	if err := h.start(ctx); err != nil {
		return m, nil, errors.Join(fmt.Errorf("inspect %s: %w", file, err), h.Close(ctx))
	}
	_, err = h.compile(ctx, code)
	var refusal *compiler.RefusedError
	if errors.As(err, &refusal) {
		problems, err = append(problems, fmt.Errorf("compile: %w", refusal)), nil
	}
	if err != nil {
		err = fmt.Errorf("inspect %s: %w", file, err)
	}
	return m, problems, errors.Join(err, h.Close(ctx))
}
