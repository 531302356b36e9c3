package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

const maxRequest = 1 << 30 // for a saved plan of a million users

// These are the paths of the socket. The number is the version of the
// protocol: an agent and a command of different versions report that instead
// of misreading each other.
const (
	callPath = "/3/call/"
	stopPath = "/3/stop/"
)

// callHeader holds the identifier that is used to stop a call.
const callHeader = "Rollcall-Call"

type callerKey struct{}

// Listen opens the local socket of the state folder; the caller must hold its
// lock. Commands that connect before Serve wait for it.
func Listen(ctx context.Context, stateDir string) (net.Listener, error) {
	listener, err := listen(ctx, stateDir)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	return listener, nil
}

// Serve answers calls on a listener until ctx ends, and closes the listener.
// Calls in progress are then stopped at their next safe point and have until
// grace has passed to answer.
func Serve(ctx context.Context, listener net.Listener, mux *Mux, grace time.Duration, log *slog.Logger) error {
	calls, stopCalls := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopCalls(nil)
	server := &http.Server{
		Handler:           &server{mux: mux, log: log, running: map[string]context.CancelCauseFunc{}},
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return calls },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, peer(c))
		},
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve commands: %w", err)
	case <-ctx.Done():
	}
	stopCalls(StoppedError("stopped with the agent"))
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving commands: %w", err)
	}
	return server.Close()
}

// server answers calls, and stops those in progress.
type server struct {
	mux *Mux
	log *slog.Logger

	mu      sync.Mutex
	running map[string]context.CancelCauseFunc
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	caller, _ := r.Context().Value(callerKey{}).(service.Caller)
	if id, ok := strings.CutPrefix(r.URL.Path, stopPath); ok {
		s.stop(w, r, caller, id)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, callPath)
	if !ok {
		refuse(w, unknown(strings.Trim(r.URL.Path, "/")))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, fmt.Errorf("read request of %s: %w", name, err))
		return
	}
	ctx, end := s.begin(r, name, caller)
	defer end()
	answerCall(ctx, w, func(ctx context.Context, each func(any) error) error {
		return s.mux.serve(ctx, caller, name, body, each)
	})
}

// refuse answers a request that is not a call, in a form that every version
// understands.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(asError(err))
}

// begin gives a call a context that ends when the call is stopped or the
// command that asked is gone, because nobody would read the answer.
func (s *server) begin(r *http.Request, name string, caller service.Caller) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	id := r.Header.Get(callHeader)
	s.mu.Lock()
	s.running[id] = cancel
	s.mu.Unlock()
	watch := context.AfterFunc(r.Context(), func() {
		cause := context.Cause(r.Context())
		var agent StoppedError
		if !errors.As(cause, &agent) {
			s.log.Info("the command is gone: what it asked for stops", "call", name, "by", caller)
			cause = StoppedError("stopped because the command of " + string(caller) + " was ended")
		}
		cancel(cause)
	})
	return ctx, func() {
		watch()
		cancel(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, id)
	}
}

// stop ends the context of a call. It is no error if the call has already
// ended.
func (s *server) stop(w http.ResponseWriter, r *http.Request, caller service.Caller, id string) {
	how, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		refuse(w, fmt.Errorf("read how to stop: %w", err))
		return
	}
	s.mu.Lock()
	cancel, ok := s.running[id]
	s.mu.Unlock()
	if ok {
		cancel(StoppedError(string(how) + " by " + string(caller)))
	}
}

// Remote sends calls to the agent that listens in the state folder.
type Remote struct{ http *http.Client }

var _ Transport = (*Remote)(nil)

// ErrNoAgent means that no agent is listening in the state folder.
var ErrNoAgent = errors.New("no agent is running")

// Connect returns a client of the running agent, or ErrNoAgent.
func Connect(ctx context.Context, stateDir string) (*Remote, error) {
	probe, err := dial(ctx, stateDir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
	}
	_ = probe.Close()
	return &Remote{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, stateDir) },
	}}}, nil
}

// Call implements Transport.
func (r *Remote) Call(ctx context.Context, name string, in, out any) error {
	return one(name, out, func(each func(json.RawMessage) error) error { return r.Stream(ctx, name, in, each) })
}

// Stream implements Transport.
func (r *Remote) Stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	id := rand.Text()
	resp, err := r.send(context.WithoutCancel(ctx), name, id, in)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	// The agent has accepted the call; from here on it can be told to stop.
	defer context.AfterFunc(ctx, func() { r.stop(ctx, id) })()
	return readAnswer(ctx, name, resp.Body, each)
}

// stop asks the agent to stop a call. If that fails, the call's own answer
// says why.
func (r *Remote) stop(ctx context.Context, id string) {
	how := "stopped"
	var why StoppedError
	if errors.As(context.Cause(ctx), &why) {
		how = string(why)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://rollcall"+stopPath+id, strings.NewReader(how))
	if err != nil {
		return
	}
	if resp, err := r.http.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// send sends a call and returns the answer once the agent has accepted the
// call.
func (r *Remote) send(ctx context.Context, name, id string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode request of %s: %w", name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rollcall"+callPath+name, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", name, err)
	}
	req.Header.Set(callHeader, id)
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s of the running agent: %w", name, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	failure := &Error{Exit: exit.Failed}
	if err := json.NewDecoder(resp.Body).Decode(failure); err != nil {
		return nil, fmt.Errorf("call %s of the running agent: status %s", name, resp.Status)
	}
	return nil, failure
}
