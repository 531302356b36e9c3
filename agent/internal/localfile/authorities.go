package localfile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// maxCAFile is larger than the bundles of all public authorities.
const maxCAFile = 16 << 20 // bytes

// Authorities reads the authorities of a PEM file, by which the certificate of a
// server is checked. Its error is an *Error.
func Authorities(name string) (*x509.CertPool, error) {
	text, err := Read(name, Rules{Max: maxCAFile})
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if roots.AppendCertsFromPEM(text) {
		return roots, nil
	}
	const form = "put the certificate of the authority that issued the server's into it, in PEM form (-----BEGIN CERTIFICATE-----)"
	e := &Error{Path: name, User: User(), Err: errors.New("it holds no PEM certificate"), Next: form}
	if _, err := x509.ParseCertificate(text); err == nil {
		e.Err = errors.New("the certificate in it is in binary form (DER), not PEM")
		e.Next = fmt.Sprintf("openssl x509 -inform der -in %s -out ca.pem, and name that file", name)
	} else if block, _ := pem.Decode(text); block != nil {
		e.Err = fmt.Errorf("it holds no certificate that can be read, but %q", block.Type)
	}
	return nil, e
}
