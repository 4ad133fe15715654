package systemtest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// handlerLog is a file in which the processes of a test note when their
// handlers begin and end. Each note is one write that appends, so the file has
// the notes of all processes in the order in which they were made. A note
// survives the process that made it.
type handlerLog struct {
	process string // the name of the childProcess that makes notes
	file    *os.File
	runs    atomic.Int64
}

func openHandlerLog(t *testing.T, path, process string) *handlerLog {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return &handlerLog{process: process, file: file}
}

// note is a line of a handlerLog.
type note struct {
	What    noteKind
	Process string
	Run     int64       `json:",omitempty"` // counts the handlers of the process
	Subject string      `json:",omitempty"` // for which one handler runs at a time
	Items   []notedItem `json:",omitempty"` // what the handler got
	Left    []int       `json:",omitempty"` // what it did not do

	// Paused is whether the handler's context ended with its lease after the
	// machine had not run the handler for half of the lease.
	Paused bool `json:",omitempty"`
}

type noteKind string

const (
	noteBegin noteKind = "begin" // of a handler
	noteEnd   noteKind = "end"   // of a handler, or of its context
	noteDeath noteKind = "death" // of a process, which its parent notes
	noteSet   noteKind = "set"   // of a trigger, before the call
	noteSent  noteKind = "sent"  // of messages that Redis acknowledged
)

// notedItem is an item of a queue, or a firing of a trigger.
type notedItem struct {
	N       int // its place in the order
	ID      string
	Attempt int
}

func (l *handlerLog) write(n note) error {
	n.Process = cmp.Or(n.Process, l.process)
	line, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(line, '\n'))
	return err
}

// run notes a handler that works for d, and then does all items but those that
// left returns. It returns an error if the context ended before.
func (l *handlerLog) run(ctx context.Context, subject string, items []notedItem, d, lease time.Duration, left func() []int) (undone []int, err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	begin := note{What: noteBegin, Run: l.runs.Add(1), Subject: subject, Items: items}
	if err := l.write(begin); err != nil {
		return nil, err
	}
	end := note{What: noteEnd, Run: begin.Run, Subject: subject}
	begun := time.Now()
	longest, last := time.Duration(0), begun
	for time.Since(begun) < d && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(min(d-time.Since(begun), 10*time.Millisecond)):
		}
		longest, last = max(longest, time.Since(last)), time.Now()
	}
	if err := ctx.Err(); err != nil {
		end.Paused = longest > lease/2
		for _, item := range items {
			end.Left = append(end.Left, item.N)
		}
		_ = l.write(end)
		return nil, err
	}
	end.Left = left()
	return end.Left, l.write(end)
}

var errHandlerFailed = errors.New("the handler failed")

// handlerTime returns how long a handler works: a few milliseconds, and
// sometimes longer than the pause between two renewals of the lease.
func handlerTime(lease time.Duration) time.Duration {
	if rand.N(200) == 0 {
		return lease/3 + rand.N(lease/3)
	}
	return rand.N(6 * time.Millisecond)
}

// someOf returns the items that a handler leaves: usually none, sometimes all
// or some of them.
func someOf(items []notedItem) (left []int) {
	all, some := rand.N(30) == 0, rand.N(20) == 0
	for _, item := range items {
		if all || some && rand.N(2) == 0 {
			left = append(left, item.N)
		}
	}
	return left
}

// history is what a handlerLog has.
type history struct {
	runs map[string][]*handlerRun // by subject, in the order of their beginnings
	sets map[string]int           // the place of each subject's last noteSet
	sent map[string][]int         // messages, by subject

	// overlaps describes the handlers that began while another handler of their
	// subject was running. A handler runs until it notes its end, which it does
	// at once when its context ends, or until its process is dead.
	overlaps []string

	// paused counts the overlaps that are not among overlaps because the
	// machine did not run the first handler's process: a process that does not
	// run cannot learn that its lease has expired.
	paused int

	deaths int
}

// handlerRun is one call of a handler.
type handlerRun struct {
	note
	place int   // of the beginning among all notes
	end   *note // nil if the process was killed before the end
	meets []*handlerRun
}

func (r *handlerRun) has(n int) bool {
	return slices.ContainsFunc(r.Items, func(item notedItem) bool { return item.N == n })
}

// did reports whether the handler did the item n.
func (r *handlerRun) did(n int) bool {
	return r.has(n) && r.end != nil && !slices.Contains(r.end.Left, n)
}

func readHistory(t *testing.T, path string) history {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	h := history{runs: map[string][]*handlerRun{}, sets: map[string]int{}, sent: map[string][]int{}}
	running := map[string][]*handlerRun{} // by subject
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for place := 1; lines.Scan(); place++ {
		var n note
		require.NoError(t, json.Unmarshal(lines.Bytes(), &n), "note %d: %s", place, lines.Text())
		switch n.What {
		case noteBegin:
			run := &handlerRun{note: n, place: place}
			for _, other := range running[n.Subject] {
				other.meets = append(other.meets, run)
			}
			running[n.Subject] = append(running[n.Subject], run)
			h.runs[n.Subject] = append(h.runs[n.Subject], run)
		case noteEnd:
			running[n.Subject] = slices.DeleteFunc(running[n.Subject], func(run *handlerRun) bool {
				if run.Process != n.Process || run.Run != n.Run {
					return false
				}
				run.end = &n
				return true
			})
		case noteDeath:
			h.deaths++
			for subject, runs := range running {
				running[subject] = slices.DeleteFunc(runs, func(run *handlerRun) bool { return run.Process == n.Process })
			}
		case noteSet:
			h.sets[n.Subject] = place
		case noteSent:
			for _, item := range n.Items {
				h.sent[n.Subject] = append(h.sent[n.Subject], item.N)
			}
		}
	}
	require.NoError(t, lines.Err())
	for _, runs := range h.runs {
		for _, run := range runs {
			if run.end != nil && run.end.Paused {
				h.paused += len(run.meets)
				continue
			}
			for _, other := range run.meets {
				h.overlaps = append(h.overlaps, fmt.Sprintf("%s: %v of process %s began while process %s handled %v", run.Subject, other.Items, other.Process, run.Process, run.Items))
			}
		}
	}
	return h
}

// overtaken describes the deliveries that came after one of an item behind
// them. An item may come again together with those behind it, as long as it was
// beside them before.
func (h history) overtaken() (found []string) {
	for subject, runs := range h.runs {
		for i, run := range runs {
			if !slices.IsSortedFunc(run.Items, func(a, b notedItem) int { return cmp.Or(cmp.Compare(a.N, b.N), 1) }) {
				found = append(found, fmt.Sprintf("%s: %v are not in their order", subject, run.Items))
			}
			for _, earlier := range runs[:i] {
				last := slices.MaxFunc(earlier.Items, func(a, b notedItem) int { return cmp.Compare(a.N, b.N) })
				for _, item := range run.Items {
					if item.N < last.N && !earlier.has(item.N) {
						found = append(found, fmt.Sprintf("%s: %v was delivered before %v", subject, last, item))
					}
				}
			}
		}
	}
	return found
}

// repeats returns the number of redeliveries. It describes those that do not
// have a higher attempt, or another id, than the delivery before.
func (h history) repeats() (n int, bad []string) {
	for subject, runs := range h.runs {
		latest := map[int]notedItem{}
		for _, run := range runs {
			for _, item := range run.Items {
				before, repeated := latest[item.N]
				if repeated {
					n++
				}
				if repeated && (item.Attempt <= before.Attempt || item.ID != before.ID) {
					bad = append(bad, fmt.Sprintf("%s: %v was redelivered as %v", subject, before, item))
				}
				latest[item.N] = item
			}
		}
	}
	return n, bad
}

// requireNone requires that a history has nothing of what must not happen.
func requireNone(t *testing.T, what string, found []string) {
	t.Helper()
	if len(found) > 0 {
		t.Errorf("%d %s, first %v", len(found), what, found[:min(len(found), 3)])
	}
}
