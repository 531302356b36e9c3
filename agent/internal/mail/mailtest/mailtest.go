// Package mailtest is a real SMTP server for tests: aiosmtpd, which Debian has as
// python3-aiosmtpd. It demands TLS and a login, and refuses some addresses: see
// server.py.
package mailtest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed server.py
var program []byte

// The account that the server knows.
const (
	User     = "rollcall"
	Password = `s3cret/pass "word\x`
)

// Server is a running SMTP server on 127.0.0.1.
type Server struct {
	Ports  map[string]int // "starttls", "smtps", "plain", "plainlogin"
	CA     string         // file of the authority that it is trusted by
	folder string
}

// Mail is a mail as the server got it whole.
type Mail struct {
	From  string
	To    []string
	TLS   bool
	Login bool
	Data  string
	Reply string // which may have been lost; "452 ..." means that it did not take the mail
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{folder: filepath.Join(dir, "mails"), CA: filepath.Join(dir, "ca.pem")}
	script := filepath.Join(dir, "server.py")
	if err := errors.Join(os.Mkdir(s.folder, 0o700), os.WriteFile(script, program, 0o600)); err != nil {
		t.Fatal(err)
	}
	cert, key := Certificates(t, dir, s.CA)
	cmd := exec.CommandContext(t.Context(), python(t), script, s.folder, cert, key)
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
func python(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import aiosmtpd").Run() == nil {
			return name
		}
	}
	t.Fatal("the tests need an SMTP server: apt-get install python3-aiosmtpd (scripts/test.sh does it)")
	return ""
}

// Mails returns the mails that the server has got, the oldest first.
func (s *Server) Mails(t testing.TB) []Mail {
	t.Helper()
	files, err := os.ReadDir(s.folder)
	if err != nil {
		t.Fatal(err)
	}
	var mails []Mail
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".json" {
			continue // it is being written
		}
		text, err := os.ReadFile(filepath.Join(s.folder, f.Name()))
		var m Mail
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, m)
	}
	return mails
}

// Certificates makes an authority and a certificate of it for 127.0.0.1.
func Certificates(t testing.TB, dir, ca string) (cert, key string) {
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

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
