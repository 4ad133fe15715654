package listrepo

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// Backlog is the number of items of a queue that are not done, their greatest
// age, and the time of the next delivery.
type Backlog struct {
	Waiting int64 // items in the queue, items whose lease expired, and items that wait for their next attempt
	Claimed int64 // items in flight, under a lease that has not expired
	Dead    int64 // dead letters

	// Oldest is the age of the oldest item that is waiting or claimed, to about
	// a second. If it is not known when an item was pushed, its age counts from
	// its first claim, or from the next push whose time is known; see [Marks].
	// Oldest is 0 if no item has a known age.
	Oldest time.Duration

	// Ready is the time from which claims find items, by the clock of the
	// server, to the millisecond. If a claim finds items now, it is the time of
	// the call. Otherwise it is the end of a lease, the time of an item's next
	// attempt, or the time at which [Quiet] is over. In a queue with [Serial]
	// and a claim in flight, it is not before the end of the lease. If no items
	// wait or are claimed, it is the zero time.
	Ready time.Time
}

var (
	//go:embed lua/backlog.lua
	backlogSource string

	backlogScript = store.NewScript(pending.ScheduleSource+sharedSource+backlogSource, store.Tuple(store.Count, store.Count, store.Count, store.Number, store.Count, store.Count)) //nolint:gocritic // a reply may hold several counts
)

// Backlog counts the items of a queue, including those in flight and the dead
// letters. It also returns the age of the oldest item, and the time from which
// claims find items. It sends one script, and another one for every hundred
// claims, or for fewer if they hold many redelivered items. The scripts write
// nothing. Each of them is atomic, but items may move between two of them.
func (r *ListRepo[T]) Backlog(ctx context.Context, id string) (Backlog, error) {
	t, err := r.core.Begin(ctx, "Backlog", id)
	if err != nil {
		return Backlog{}, err
	}
	var sum Backlog
	for from := int64(0); ; {
		page, next, err := r.core.backlog(ctx, t, from)
		if err != nil {
			return Backlog{}, err
		}
		sum.Waiting, sum.Claimed, sum.Dead = sum.Waiting+page.Waiting, sum.Claimed+page.Claimed, sum.Dead+page.Dead
		sum.Oldest = max(sum.Oldest, page.Oldest)
		if from == 0 {
			sum.Ready = page.Ready
		}
		if next <= from {
			return sum, nil
		}
		from = next
	}
}

// backlog counts one page of claims, and with the first page everything else.
// It returns the number of claims counted so far, or 0 after the last page.
func (q *queue) backlog(ctx context.Context, t fault.Target, from int64) (Backlog, int64, error) {
	_, _, tail := claimKeys(t, "")
	keys := []string{beside(t, queuekey.Due), beside(t, queuekey.Again), beside(t, queuekey.Dead), beside(t, queuekey.Age)}
	m, err := q.unconditional().Run(ctx, t, backlogScript, []string{tail, strconv.FormatInt(from, 10)}, keys...)
	if err != nil {
		return Backlog{}, 0, q.nameWrongType(ctx, t, err)
	}
	n, err := m.AsIntSlice()
	if err == nil && len(n) != 6 {
		err = fmt.Errorf("the reply of backlog.lua has %d elements, expected 6", len(n))
	}
	if err != nil {
		return Backlog{}, 0, t.Failed(err)
	}
	page := Backlog{Waiting: n[0], Claimed: n[1], Dead: n[2], Oldest: duration.FromMilliseconds(n[3])}
	if n[4] > 0 {
		page.Ready = time.UnixMilli(n[4])
	}
	return page, n[5], nil
}
