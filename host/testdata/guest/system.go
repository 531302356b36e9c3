package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/rollcall-agent/rollcall/sdk"
)

// system emits, as one record, what the guest can learn about its environment.
func system(c *sdk.Call) error {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	home, _ := os.UserHomeDir()
	begun := time.Now()
	time.Sleep(20 * time.Millisecond)
	rec := map[string]any{
		"id": 1, "env": os.Environ(), "args": len(os.Args), "canary": os.Getenv("ROLLCALL_TEST_CANARY"), "path": os.Getenv("PATH"),
		"home": home, "time": begun.UTC().Format(time.RFC3339Nano), "slept": time.Since(begun).String(),
		"random": hex.EncodeToString(random[:]), "mathrandom": fmt.Sprint(mathrand.Uint64()),
	}
	out, err := json.Marshal([]any{rec})
	if err != nil {
		return err
	}
	_, err = c.EmitRecords(out)
	return err
}
