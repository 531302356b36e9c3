package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const (
	moduleSuffix  = ".wasm"
	maxSignature  = 4 << 10 // bytes
	unsignedLabel = "unsigned"
)

// MaxModule bounds the size of a module, in bytes.
const MaxModule = 16 << 20

// State is the state of a file in the modules folder.
type State string

// The states of a file.
const (
	Serving State = "serving" // calls go to it
	Waiting State = "waiting" // it is incomplete, still changing, or being compiled
	Refused State = "refused"
)

// Module describes one file of the modules folder.
type Module struct {
	File      string       `json:"file"`
	Manifest  abi.Manifest `json:"manifest"`         // zero when the file was refused before it was read
	SHA256    string       `json:"sha256"`           // of the file, in hex
	Size      int64        `json:"size"`             // bytes
	Signature string       `json:"signature"`        // "key ID" of the trusted key that signed it, or "unsigned"
	State     State        `json:"state"`            // what became of it
	Reason    string       `json:"reason,omitempty"` // why it waits or was refused
	// Before is the version loaded from this file earlier that goes on serving
	// while the new content waits or was refused; "" when there is none.
	Before string `json:"before,omitempty"`
}

// errSignature marks failures that a signature arriving later would cure.
var errSignature = errors.New("signature")

// signatureError is the error for a file without a valid signature.
type signatureError struct{ error }

func (signatureError) Is(target error) bool { return target == errSignature }

// load reads every module in the folder.
func (h *Host) load() error {
	found, err := h.survey()
	if err != nil {
		return fmt.Errorf("modules folder: %w; modules_dir in [agent] names it", err)
	}
	for path, s := range found {
		m, wasm, err := h.read(path)
		if err != nil {
			h.catalog.refuse(path, s, m, err.Error())
			continue
		}
		h.catalog.accept(path, s, m, newVersion(h, m, wasm))
	}
	h.catalog.settle() // nothing served before, so nothing retires
	for _, m := range h.catalog.list() {
		h.complain(m)
	}
	return nil
}

// complain logs why a module was refused.
func (h *Host) complain(m Module) {
	if m.State == Refused {
		h.log.Error("connector refused", "file", m.File, "cause", m.Reason, "still_serving", m.Before)
	}
}

// read checks one module, in the order of how far each step trusts it: size,
// signature, sections, manifest, imports and exports. It returns the bytes to
// compile.
func (h *Host) read(path string) (Module, []byte, error) {
	wasm, err := regular.Read(path, MaxModule)
	if err != nil {
		return Module{File: path, Signature: unsignedLabel}, nil, err
	}
	m := describe(path, wasm)
	if m.Signature, err = h.verify(path, wasm); err != nil {
		return m, nil, signatureError{err}
	}
	var fit []byte
	err = rescue.Do(h.log, func() (err error) { // anybody may have written a module: one must not stop the others
		fit, err = h.examine(&m, wasm)
		return err
	}, "file", path)
	return m, fit, err
}

func describe(path string, wasm []byte) Module {
	sum := sha256.Sum256(wasm)
	return Module{File: path, Signature: unsignedLabel, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(wasm))}
}

// examine checks the content of a module, fills in its manifest and returns the
// bytes to compile.
func (h *Host) examine(m *Module, wasm []byte) (fit []byte, err error) {
	defer func() { err = brief(err) }()
	file, err := wasmfile.Read(wasm)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	if m.Manifest, err = readManifest(file); err != nil {
		m.Manifest = nameOf(m.Manifest)
		return nil, err
	}
	if err := checkLinks(file); err != nil {
		return nil, err
	}
	if err := h.downgrade(m.Manifest); err != nil {
		return nil, err
	}
	return wasmfile.Harden(file), nil
}

func parseKeys(texts []string) ([]minisign.PublicKey, error) {
	keys := make([]minisign.PublicKey, len(texts))
	for i, t := range texts {
		if err := keys[i].UnmarshalText([]byte(t)); err != nil {
			return nil, fmt.Errorf("trusted key %q is not a minisign public key: %w", t, err)
		}
	}
	return keys, nil
}

// verify checks the detached signature of a module and returns the name of the
// signer.
func (h *Host) verify(path string, wasm []byte) (string, error) {
	keys := h.keys
	text, err := regular.Read(path+abi.SignatureSuffix, maxSignature)
	if errors.Is(err, os.ErrNotExist) {
		if h.settings.AllowUnsigned {
			return unsignedLabel, nil
		}
		return unsignedLabel, fmt.Errorf("unsigned: there is no %s beside it, and modules.allow_unsigned is false",
			filepath.Base(path)+abi.SignatureSuffix)
	}
	if err != nil {
		return unsignedLabel, fmt.Errorf("signature: %w", err)
	}
	var sig minisign.Signature
	if err := sig.UnmarshalText(text); err != nil {
		return unsignedLabel, fmt.Errorf("bad signature: %w", err)
	}
	at := slices.IndexFunc(keys, func(k minisign.PublicKey) bool { return k.ID() == sig.KeyID })
	switch {
	case at < 0 && h.settings.AllowUnsigned:
		return unsignedLabel, nil
	case at < 0:
		return unsignedLabel, fmt.Errorf("unsigned: the signature is by key %X, which is not among the trusted keys", sig.KeyID)
	case !minisign.Verify(keys[at], wasm, text):
		return unsignedLabel, fmt.Errorf("bad signature: it is not one by key %X of this file", sig.KeyID)
	}
	return fmt.Sprintf("key %X", sig.KeyID), nil
}
