package simkit

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
)

// Response remembers what was answered, and can withhold it from the client.
type Response struct {
	http.ResponseWriter
	Status int
	Bytes  int

	limit int  // bytes of the body to let through; 0 is no limit
	lost  bool // nothing is let through, and the connection is reset at the end
}

// WriteHeader sends the status, unless the answer must be lost.
func (r *Response) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
	if !r.lost {
		r.ResponseWriter.WriteHeader(status)
	}
}

// Write reports that all of p was sent, whatever the client gets.
func (r *Response) Write(p []byte) (int, error) {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	n := len(p)
	if r.limit > 0 && r.Bytes+n > r.limit {
		p = p[:max(r.limit-r.Bytes, 0)]
	}
	r.Bytes += n
	if len(p) == 0 || r.lost {
		return n, nil
	}
	if _, err := r.ResponseWriter.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// Unwrap lets http.ResponseController reach the connection.
func (r *Response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// finish resets the connection when the answer must be lost.
func (r *Response) finish() {
	if !r.lost {
		return
	}
	r.Status = 0 // the client has not seen it
	reset(r, 0, "")
}

// reset sends the beginning of an answer and cuts the connection with a TCP
// RST.
func reset(w http.ResponseWriter, after int, start string) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if after > 0 {
		_, _ = fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", after+1000)
		_, _ = fmt.Fprintf(buf, "%-*.*s", after, after, start)
		_ = buf.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// WriteJSON answers with v. It keeps a content type that is already set.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client is gone, and nobody is left to tell
}

// WriteHTML answers with a page, as gateways and shields before an API do.
func WriteHTML(w http.ResponseWriter, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, page)
}
