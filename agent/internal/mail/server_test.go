package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The account that the server knows.
const (
	user     = "rollcall"
	password = `s3cret/pass "word\x`
)

// server is an SMTP server of the package python3-aiosmtpd.
type server struct {
	Ports  map[string]int
	ca     string // file of the authority that it is trusted by
	folder string

	mu    sync.Mutex
	taken int
}

// mailbox is a mail as the server took it.
type mailbox struct {
	From  string
	To    []string
	TLS   bool
	Login bool
	Data  string
}

func start(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{folder: filepath.Join(dir, "mails"), ca: filepath.Join(dir, "ca.pem")}
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cert, key := certificates(t, dir, s.ca)
	cmd := exec.CommandContext(t.Context(), python(t), "testdata/server.py", s.folder, cert, key)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the server ends with its input
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &s.Ports) != nil {
		t.Fatalf("the server did not start: %q, %v", line, err)
	}
	return s
}

// python finds the interpreter for which Debian's package installs.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import aiosmtpd").Run() == nil {
			return name
		}
	}
	t.Fatal("the tests need an SMTP server: apt-get install python3-aiosmtpd (scripts/test.sh does it)")
	return ""
}

// settings are those of one of the server's ports.
func (s *server) settings(port string) Settings {
	scheme := "smtp"
	if port == "smtps" {
		scheme = "smtps"
	}
	return Settings{
		URL: fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.Ports[port]), From: "Rollcall <rollcall@example.com>",
		Username: user, Password: password, CAFile: s.ca,
	}
}

// last returns the only mail since the last call; nil when there is none.
func (s *server) last(t *testing.T) *mailbox {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := os.ReadDir(s.folder)
	if err != nil || len(files) > s.taken+1 {
		t.Fatalf("%d mails after %d, %v", len(files), s.taken, err)
	}
	if len(files) == s.taken {
		return nil
	}
	s.taken++
	text, err := os.ReadFile(filepath.Join(s.folder, files[len(files)-1].Name()))
	if err != nil {
		t.Fatal(err)
	}
	var m mailbox
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// certificates makes an authority and a certificate of it for 127.0.0.1.
func certificates(t *testing.T, dir, ca string) (cert, key string) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of the tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "mail"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, leafKey := newKey(t), newKey(t)
	save := func(path, kind string, der []byte, err error) string {
		if err == nil {
			err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, caKey.Public(), caKey)
	save(ca, "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, leaf, authority, leafKey.Public(), caKey)
	cert = save(filepath.Join(dir, "cert.pem"), "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(leafKey)
	return cert, save(filepath.Join(dir, "key.pem"), "PRIVATE KEY", der, err)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
