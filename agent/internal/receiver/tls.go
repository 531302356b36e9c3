package receiver

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate in two files. It is read again when one of them
// changes, so that renewing it needs no restart.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	now     tls.Certificate
	read    [2]stamp // of the files when the certificate was read
	looked  time.Time
	refused string // what was logged last about files that cannot be used
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

// lookEvery is how often files are looked at.
const lookEvery = time.Second

// LoadCertificate reads the files.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	stamps, err := c.stamps()
	if err == nil {
		c.now, err = c.load()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate of the receiver: %w (see receiver.tls: PEM files that the agent may read)", err)
	}
	c.read = stamps
	return c, nil
}

func (c *Certificate) load() (tls.Certificate, error) {
	return tls.LoadX509KeyPair(c.certFile, c.keyFile)
}

func (c *Certificate) stamps() (stamps [2]stamp, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

// config returns the settings for a listener.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}
}

// get returns the certificate of the moment. While new files cannot be used, such
// as between the writing of the one and of the other, the former one goes on.
func (c *Certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked).Abs() >= lookEvery {
		c.looked = time.Now()
		c.reload()
	}
	now := c.now
	return &now
}

func (c *Certificate) reload() {
	stamps, err := c.stamps()
	if err == nil && stamps == c.read {
		return
	}
	var renewed tls.Certificate
	if err == nil {
		renewed, err = c.load()
	}
	if err == nil {
		c.now, c.read, c.refused = renewed, stamps, ""
		c.log.Info("the receiver has a new certificate", "file", c.certFile)
		return
	}
	if what := fmt.Sprint(stamps, err); what != c.refused {
		c.refused = what
		c.log.Warn("the new certificate of the receiver cannot be used; the former one goes on", "file", c.certFile, "cause", err,
			"next", "put a certificate and its key there as PEM files that the agent may read")
	}
}
