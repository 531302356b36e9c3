// Command hostile is a malicious connector compiled from Go, for the suite of
// hostile modules. The endpoint's parameter `do` says what it attempts.
package main

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func init() { sdk.Register(sdk.Connector{Fetch: fetch}) }

func main() {}

var ways = map[string]func(*sdk.Call) error{
	"fibonacci": fibonacci, "recursion": recursion, "spin": spin, "grow": grow, "logs": logs,
	"requests": requests, "handles": handles, "huge-emit": hugeEmit, "endless-emit": endlessEmit, "waits": waits,
}

func fetch(c *sdk.Call) error {
	do := c.Endpoint().Params["do"]
	f, ok := ways[do]
	if !ok {
		return fmt.Errorf("no way to do %q", do)
	}
	return f(c)
}

var sink int

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func fibonacci(*sdk.Call) error {
	sink += fib(1_000)
	return nil
}

func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + 1
}

func recursion(*sdk.Call) error {
	sink += deep(0)
	return nil
}

func spin(*sdk.Call) error {
	for {
		sink++
	}
}

func grow(*sdk.Call) error {
	for all := [][]byte{}; ; {
		all = append(all, make([]byte, 1<<20))
		sink += len(all)
	}
}

func logs(c *sdk.Call) error {
	for line := strings.Repeat("x", 64<<10); ; {
		c.Logf(abi.LevelError, "%s", line)
	}
}

// requests delivers a new record now and then, because a fetch that makes no
// progress would end before its time is over.
func requests(c *sdk.Call) error {
	for i := 0; ; i++ {
		resp, err := c.Send(sdk.Request{Path: "/users"})
		if err != nil {
			return err
		}
		resp.Close()
		if _, err := c.EmitRecords(fmt.Appendf(nil, `[{"id":%d}]`, i)); err != nil {
			return err
		}
	}
}

func handles(c *sdk.Call) error {
	for {
		if _, err := c.Send(sdk.Request{Path: "/users"}); err != nil {
			return err
		}
	}
}

func hugeEmit(c *sdk.Call) error {
	_, err := c.EmitRecords([]byte(`[{"id":1,"x":"` + strings.Repeat("x", 17<<20) + `"}]`))
	return err
}

func endlessEmit(c *sdk.Call) error {
	rest := strings.Repeat(`{"id":1},`, 999)
	for i := 0; ; i++ {
		if _, err := c.EmitRecords(fmt.Appendf(nil, `[%s{"id":%d}]`, rest, i)); err != nil {
			return err
		}
	}
}

func waits(c *sdk.Call) error {
	for {
		if err := c.Wait(0); err != nil {
			return err
		}
	}
}
