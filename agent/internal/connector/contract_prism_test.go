//go:build contract

package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// prism is a proxy that holds what passes against one specification.
type prism struct {
	file string
	url  string
}

// startPrism starts a proxy in front of upstream; it ends with the test.
func startPrism(t *testing.T, command, file, upstream string) *prism {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	host, port, _ := net.SplitHostPort(address)
	var log bytes.Buffer
	cmd := exec.Command(command, "proxy", file, upstream, "--errors", "-h", host, "-p", port)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start prism: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return &prism{file, "http://" + address}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("prism ended: %v\n%s", err, log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("prism does not listen at %s", address)
		}
	}
}

// request is one that was sent to an application.
type request struct {
	method, path, query string
	header              http.Header
	body                []byte
}

func (r request) target() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// verdict is what a specification says of a request and its answer.
type verdict struct {
	unknown  bool     // the specification has no such operation
	request  []string // what is wrong with the request
	response []string // what is wrong with the answer
}

// judgement is prism's own answer.
type judgement struct {
	Type       string `json:"type"`
	Detail     string `json:"detail"`
	Validation []struct {
		Location []string `json:"location"`
		Code     string   `json:"code"`
		Message  string   `json:"message"`
	} `json:"validation"`
}

// behind stands between prism and the simulators: it hands requests to the one
// of the moment and remembers its answer.
type behind struct {
	now    http.Handler
	answer *httptest.ResponseRecorder // nil: the request has not come through
}

func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.answer = httptest.NewRecorder()
	b.now.ServeHTTP(b.answer, r)
	replay(w, b.answer)
}

func replay(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// judge sends a request through prism.
func (p *prism) judge(b *behind, r request) (v verdict, err error) {
	b.answer = nil
	req, err := http.NewRequestWithContext(context.Background(), r.method, p.url+r.target(), bytes.NewReader(r.body))
	if err != nil {
		return v, err
	}
	req.Header = r.header.Clone()
	req.Close = true // prism does not always read a body that it refuses
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return v, err
	}
	var j judgement
	_ = json.Unmarshal(text, &j) // an answer of the application is no judgement
	if !strings.Contains(j.Type, "prism/errors") {
		if b.answer == nil {
			return v, fmt.Errorf("prism answered %d and asked nobody: %s", resp.StatusCode, text)
		}
		return v, nil
	}
	if strings.Contains(j.Type, "NO_PATH_MATCHED") || strings.Contains(j.Type, "NO_METHOD_MATCHED") {
		return verdict{unknown: true}, nil
	}
	for _, d := range j.Validation {
		text := strings.Join(d.Location, "/") + ": " + d.Message
		if len(d.Location) > 0 && d.Location[0] == "response" {
			v.response = append(v.response, text)
		} else {
			v.request = append(v.request, text)
		}
	}
	if len(j.Validation) == 0 {
		v.request = append(v.request, fmt.Sprintf("%d %s %s", resp.StatusCode, j.Type, j.Detail))
	}
	return v, nil
}
