// Command guest is a connector-like program in Go. It parses JSON, sorts,
// recurses and switches goroutines, and returns a checksum of it all.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"sort"
	"strings"
)

type user struct {
	ID    int            `json:"id"`
	Name  string         `json:"name"`
	Score float64        `json:"score"`
	Tags  map[string]int `json:"tags"`
}

//go:wasmexport rollcall_fetch
func fetch() int32 {
	var users []user
	for i := range 200 {
		users = append(users, user{ID: i, Name: strings.Repeat("é", i%7), Score: float64(i) / 7, Tags: map[string]int{"a": i, "b": i * i}})
	}
	text, err := json.Marshal(users)
	if err != nil {
		return -1
	}
	var back []user
	if err := json.Unmarshal(text, &back); err != nil {
		return -2
	}
	sort.Slice(back, func(i, j int) bool { return back[i].Tags["b"]%101 < back[j].Tags["b"]%101 })
	lines := make(chan string)
	go func() {
		defer close(lines)
		for _, u := range back {
			lines <- fmt.Sprintf("%d %s %.3f", u.ID, u.Name, u.Score)
		}
	}()
	sum := crc32.NewIEEE()
	for l := range lines {
		fmt.Fprintln(sum, l, caught(len(l)))
	}
	return int32(sum.Sum32())
}

func caught(n int) (text string) {
	defer func() { text = fmt.Sprint(recover(), fibonacci(n%12)) }()
	var none []int
	return fmt.Sprint(none[n])
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func main() {}
