package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/rollcall-agent/rollcall/host/internal/compiler"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Intervals of watching.
const (
	pollEvery = time.Second            // for changes without events: network file systems report none
	lookSoon  = 50 * time.Millisecond  // while something is in progress
	atRest    = 300 * time.Millisecond // a file is read once it has not changed for so long
	grace     = 1500 * time.Millisecond
	// retryAfter is the wait before another attempt at a module that failed to
	// compile through no fault of its own.
	retryAfter = 30 * time.Second
)

// watcher watches the modules folder. Only its own goroutine uses its fields.
type watcher struct {
	host    *Host
	changed func()
	files   map[string]*watched
	done    chan prepared
	running int    // preparations in progress
	blind   string // why the folder cannot be read, once that was logged
}

// watched is a file whose change must be judged.
type watched struct {
	stamp  stamp
	since  time.Time          // when it was first seen in this state
	judged bool               // nothing more remains to be done
	again  time.Time          // when to judge it again; zero is at once
	stop   context.CancelFunc // stops its preparation; nil when none is in progress
}

// prepared is the result of a preparation.
type prepared struct {
	path    string
	file    *watched
	version *version
	err     error
}

// Watch follows additions, replacements and removals in the modules folder
// until ctx ends. A new version is checked and compiled before it serves; calls
// in progress end on the version that they began with. Watch calls changed
// after each change of the modules that serve or are refused, one call at a
// time.
func (h *Host) Watch(ctx context.Context, changed func()) error {
	w := &watcher{host: h, changed: changed, files: map[string]*watched{}, done: make(chan prepared)}
	for path, s := range h.catalog.stamps() {
		w.files[path] = &watched{stamp: s, judged: true}
	}
	h.sweep()
	var events chan fsnotify.Event
	var lost chan error
	notify, err := fsnotify.NewWatcher()
	if err == nil {
		defer notify.Close() //nolint:errcheck // the process goes on without it
		err = notify.Add(h.settings.ModulesDir)
		events, lost = notify.Events, notify.Errors
	}
	if err != nil {
		h.log.Warn("the system does not tell of changes in the modules folder: it is looked at every second", "cause", err)
	}
	w.follow(ctx, events, lost)
	return nil
}

// follow is the watcher's loop. Events only make it look sooner, so a lost
// event costs at most a second.
func (w *watcher) follow(ctx context.Context, events <-chan fsnotify.Event, lost <-chan error) {
	defer w.stop(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	soon := false // a look is already due: a flood of events must not postpone it
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-events:
			if !open {
				events = nil
			}
			if !soon {
				soon = true
				timer.Reset(lookSoon)
			}
			continue
		case _, open := <-lost:
			if !open {
				lost = nil
			}
			continue
		case p := <-w.done:
			w.running--
			w.finish(ctx, p)
		case <-timer.C:
			w.scan(ctx)
		}
		soon = w.busy()
		timer.Reset(pollEvery)
		if soon {
			timer.Reset(lookSoon)
		}
	}
}

// stop cancels the preparations in progress and waits for them.
func (w *watcher) stop(ctx context.Context) {
	for _, f := range w.files {
		f.interrupt()
	}
	for ; w.running > 0; w.running-- {
		p := <-w.done
		p.version.retire(ctx)
	}
}

// busy reports whether something must be looked at soon.
func (w *watcher) busy() bool {
	for _, f := range w.files {
		if !f.judged && f.stop == nil && time.Now().Add(pollEvery).After(f.again) {
			return true
		}
	}
	return false
}

// scan compares the folder with the catalog.
func (w *watcher) scan(ctx context.Context) {
	found, err := w.host.survey()
	if err != nil {
		if w.blind != err.Error() { // a network share that went away says nothing about its files
			w.host.log.Error("the modules folder cannot be read: the connectors that serve go on", "cause", err)
		}
		w.blind = err.Error()
		return
	}
	w.blind = ""
	now := time.Now()
	for path, s := range found {
		f, known := w.files[path]
		if !known || f.stamp != s {
			f.interrupt()
			w.files[path] = &watched{stamp: s, since: now}
		}
	}
	for path, f := range w.files {
		if _, there := found[path]; !there && f.stamp != (stamp{}) {
			f.interrupt()
			w.files[path] = &watched{since: now}
		}
	}
	moved := false
	for path, f := range w.files {
		if !f.judged && f.stop == nil && now.Sub(f.since) >= atRest && !now.Before(f.again) {
			moved = w.judge(ctx, path, f) || moved
		}
	}
	if moved {
		w.settle(ctx)
		w.changed()
	}
}

// interrupt stops a preparation that became useless, because its file changed
// or is about to.
func (f *watched) interrupt() {
	if f != nil && f.stop != nil {
		f.stop()
	}
}

// judge decides about a file that has stopped changing, and reports whether the
// catalog must be settled. An acceptable module is prepared first. Any other
// gets some more time, since its signature or the rest of it may still be on
// the way.
func (w *watcher) judge(ctx context.Context, path string, f *watched) bool {
	h := w.host
	if f.stamp == (stamp{}) {
		delete(w.files, path)
		h.catalog.forget(path)
		h.log.Info("connector file removed", "file", path)
		return true
	}
	m, wasm, err := h.read(path)
	if look(path) != f.stamp {
		return false // it changed during the read: the next scan notices
	}
	switch {
	case err != nil && time.Since(f.since) < grace:
		h.catalog.wait(path, f.stamp, m, waitsFor(err))
		f.again = f.since.Add(grace)
		return false
	case err != nil:
		f.judged = true
		h.catalog.refuse(path, f.stamp, m, err.Error())
		w.complain(path)
		return true
	}
	if v := h.catalog.current(path, m.SHA256); v != nil { // its signature changed, or the same bytes were copied again
		f.judged = true
		h.catalog.accept(path, f.stamp, m, v)
		return true
	}
	if v := h.catalog.serves(m.Manifest.Name); v != nil && v.module.Manifest.Version == m.Manifest.Version {
		h.log.Warn("a connector is replaced by other bytes of the same version", "connector", m.Manifest.Name, "version", m.Manifest.Version,
			"file", path, "sha256", m.SHA256, "before", v.module.SHA256, "signature", m.Signature)
	}
	h.catalog.wait(path, f.stamp, m, "it is being compiled")
	w.prepare(ctx, path, f, newVersion(h, m, wasm))
	return false
}

func waitsFor(err error) string {
	if errors.Is(err, errSignature) {
		return "waiting for its signature: " + err.Error()
	}
	return "waiting for the rest of it: " + err.Error()
}

// prepare compiles a new version while the old one serves.
func (w *watcher) prepare(ctx context.Context, path string, f *watched, v *version) {
	ctx, f.stop = context.WithCancel(ctx)
	p := prepared{path: path, file: f, version: v}
	w.running++
	go func() {
		p.err = rescue.Do(w.host.log, func() error { return v.prepare(ctx) }, "file", path)
		w.done <- p
	}()
}

// finish lets a prepared version serve.
func (w *watcher) finish(ctx context.Context, p prepared) {
	f := p.file
	f.stop()
	if ctx.Err() != nil || w.files[p.path] != f { // it will be judged again
		p.version.retire(ctx)
		return
	}
	f.stop, f.judged = nil, true
	var refusal *compiler.RefusedError
	switch {
	case p.err == nil:
		w.host.catalog.accept(p.path, f.stamp, p.version.module, p.version)
	case errors.As(p.err, &refusal):
		w.host.catalog.refuse(p.path, f.stamp, p.version.module, "compile: "+refusal.Why)
		w.complain(p.path)
	default:
		f.judged, f.again = false, time.Now().Add(retryAfter)
		w.host.catalog.refuse(p.path, f.stamp, p.version.module, fmt.Sprintf("%v; it is tried again every %s", p.err, retryAfter))
		w.complain(p.path)
	}
	w.settle(ctx)
	w.announce(p)
	w.host.sweep()
	w.changed()
}

func (w *watcher) complain(path string) {
	if m, there := w.host.catalog.module(path); there {
		w.host.complain(m)
	}
}

// announce logs what serves from now on, or why a good version does not.
func (w *watcher) announce(p prepared) {
	if p.err != nil {
		return
	}
	if m, there := w.host.catalog.module(p.path); there && m.State == Serving {
		w.host.serve(m.Manifest)
		w.host.log.Info("connector serves", "connector", m.Manifest.Name, "version", m.Manifest.Version, "file", m.File, "signature", m.Signature)
	} else if there {
		w.host.complain(m)
	}
}

// settle retires versions that were replaced or removed.
func (w *watcher) settle(ctx context.Context) {
	for _, v := range w.host.catalog.settle() {
		v.retire(ctx)
	}
}

// sweep removes from the cache what is no longer needed.
func (h *Host) sweep() {
	var keys []string
	for _, v := range h.catalog.versions() {
		keys = append(keys, v.cacheKey())
	}
	if err := h.cache.Sweep(keys); err != nil {
		h.log.Warn("clear the cache of compiled connectors", "cause", err)
	}
}
