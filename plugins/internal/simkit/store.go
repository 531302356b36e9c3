package simkit

import (
	"maps"
	"slices"
	"sync"
)

// Store holds numbered records, starting at 1. The first ones are generated
// whenever they are requested; only changed and added records take memory.
type Store[T any] struct {
	count    int64
	generate func(id int64) T
	clone    func(T) T

	mu      sync.RWMutex
	changed map[int64]T
	gone    map[int64]bool
	last    int64
}

// NewStore returns a store of count generated records. clone copies everything
// a record points to, so that nobody changes a stored one; nil copies the
// value.
func NewStore[T any](count int64, generate func(id int64) T, clone func(T) T) *Store[T] {
	if clone == nil {
		clone = func(v T) T { return v }
	}
	return &Store[T]{count: count, generate: generate, clone: clone, changed: map[int64]T{}, gone: map[int64]bool{}, last: count}
}

// Get returns record id, whether generated, changed or added.
func (s *Store[T]) Get(id int64) (T, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get(id)
}

func (s *Store[T]) get(id int64) (T, bool) {
	if id < 1 || id > s.last || s.gone[id] {
		var none T
		return none, false
	}
	if v, ok := s.changed[id]; ok {
		return s.clone(v), true
	}
	return s.generate(id), true
}

// Highest returns the last number in use.
func (s *Store[T]) Highest() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last
}

// Generated returns how many records are generated.
func (s *Store[T]) Generated() int64 { return s.count }

// Change applies f to record id and stores the result. If f fails, the record
// stays as it was. ok is false when there is no such record.
func (s *Store[T]) Change(id int64, f func(*T) error) (before, after T, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok = s.get(id); !ok {
		return before, after, false, nil
	}
	after = s.clone(before)
	if err := f(&after); err != nil {
		return before, before, true, err
	}
	s.changed[id] = s.clone(after)
	return before, after, true, nil
}

// Add stores the record that f returns for the next number.
func (s *Store[T]) Add(f func(id int64) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	v := f(s.last)
	s.changed[s.last] = s.clone(v)
	return v
}

// Remove deletes record id and returns it.
func (s *Store[T]) Remove(id int64) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.get(id)
	if ok {
		s.gone[id] = true
		delete(s.changed, id)
	}
	return v, ok
}

// Changed returns the records in memory, ordered by number. Generated records
// need no search, because their numbers determine them.
func (s *Store[T]) Changed() []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]T, 0, len(s.changed))
	for _, id := range slices.Sorted(maps.Keys(s.changed)) {
		list = append(list, s.clone(s.changed[id]))
	}
	return list
}

// Find returns a record that satisfies is. It looks only at changed and added
// records: the numbers of generated ones determine them.
func (s *Store[T]) Find(is func(T) bool) (T, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, v := range s.changed {
		if is(v) {
			return s.clone(v), true
		}
	}
	var none T
	return none, false
}

// Reset forgets every change.
func (s *Store[T]) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.changed)
	clear(s.gone)
	s.last = s.count
}
