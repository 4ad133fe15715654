package listrepo

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// HeldItem is an item that was delivered and is not done: it is in flight, or
// waits to be delivered again.
type HeldItem[T any] struct {
	Item[T]

	// Until is the end of the lease, or the time of the next attempt, by the
	// server's clock. It is in the past if a lease has expired and no claim has
	// taken the item since. It is the zero time if the next claim takes the
	// item.
	Until time.Time
}

// Claimed iterates over the items in flight, in the order in which their leases
// end. It changes nothing: to end the lease of an item, wait for it or use
// [ListRepo.Delete] on the queue.
//
// Claimed reads a hundred claims at once with ZRANGE, and then sends LRANGE and
// SMEMBERS for each of them, in one round trip. It sends nothing more after the
// loop ends. It is not atomic: an item that is acked or claimed meanwhile may
// be missing or occur twice.
//
// If an item does not decode, Claimed yields it with an *[ItemError], and the
// loop goes on. Any other error ends the loop.
func (r *ListRepo[T]) Claimed(ctx context.Context, id string) iter.Seq2[HeldItem[T], error] {
	return func(yield func(HeldItem[T], error) bool) {
		t, err := r.core.Begin(ctx, "Claimed", id)
		if err != nil {
			yield(HeldItem[T]{}, err)
			return
		}
		for entries, err := range r.core.besidePages(ctx, t, queuekey.Due) {
			var claims []heldClaim
			if err == nil {
				claims, err = r.core.readClaims(ctx, t, entries)
			}
			if err != nil {
				yield(HeldItem[T]{}, err)
				return
			}
			for _, c := range claims {
				for i, text := range c.items {
					if c.done[strconv.Itoa(i+1)] {
						continue
					}
					if !yield(r.held(t, c.delivery(i+1), text, c.until)) {
						return
					}
				}
			}
		}
	}
}

// Delayed iterates over the items that wait to be delivered again and are not
// in the list: first those that the next claim takes, because their lease has
// expired or their delay is over, then those that failed with a delay, in the
// order of their next attempts. [ListRepo.Range] reads the list. Delayed sends
// ZRANGE for a hundred items at once, and nothing more after the loop ends.
//
// If an item does not decode, Delayed yields it with an *[ItemError], and the
// loop goes on. It skips entries that the library did not write. Any other
// error ends the loop.
func (r *ListRepo[T]) Delayed(ctx context.Context, id string) iter.Seq2[HeldItem[T], error] {
	return func(yield func(HeldItem[T], error) bool) {
		t, err := r.core.Begin(ctx, "Delayed", id)
		if err != nil {
			yield(HeldItem[T]{}, err)
			return
		}
		for _, kind := range []string{queuekey.Again, queuekey.Delayed} {
			for entries, err := range r.core.besidePages(ctx, t, kind) {
				if err != nil {
					yield(HeldItem[T]{}, err)
					return
				}
				for _, e := range entries {
					d, text, ok := parseWaiting(e.Member)
					var until time.Time
					if kind == queuekey.Delayed {
						until = timeOfScore(e.Score)
					}
					if ok && !yield(r.held(t, d, text, until)) {
						return
					}
				}
			}
		}
	}
}

// held returns an item that was delivered, and the error if it does not decode.
func (r *ListRepo[T]) held(t fault.Target, d delivery, text string, until time.Time) (HeldItem[T], error) {
	h := HeldItem[T]{Item: Item[T]{ID: d.id, Attempt: d.attempt}, Until: until}
	return h, r.decodeItem(t, 0, d.id, text, &h.Value)
}

func timeOfScore(ms float64) time.Time {
	return time.UnixMilli(int64(min(ms, 1<<53)))
}

// besidePage is the number of entries that one ZRANGE of besidePages returns.
const besidePage = 100

// besidePages iterates over the pages of a sorted set beside a queue.
func (q *queue) besidePages(ctx context.Context, t fault.Target, kind string) iter.Seq2[[]rueidis.ZScore, error] {
	key := beside(t, kind)
	return func(yield func([]rueidis.ZScore, error) bool) {
		for from := int64(0); ; from += besidePage {
			cmd := q.Client.B().Zrange().Key(key).Min(strconv.FormatInt(from, 10)).Max(strconv.FormatInt(from+besidePage-1, 10)).Withscores().Build()
			page, err := q.Client.Do(t.In(ctx), cmd).AsZScores()
			if err != nil {
				yield(nil, t.WithKey(key).Failed(err))
				return
			}
			if len(page) > 0 && !yield(page, nil) || len(page) < besidePage {
				return
			}
		}
	}
}

// heldClaim is a claim as another process reads it.
type heldClaim struct {
	*lease
	items []string
	done  map[string]bool // places of items that are settled
	until time.Time
}

// delivery returns the delivery of the item at a place.
func (c *heldClaim) delivery(place int) delivery {
	if d, ok := c.redelivered[place]; ok {
		return d
	}
	return delivery{c.birth + "-" + strconv.Itoa(place), 1}
}

// readClaims reads the items of claims. It leaves out headers that the library
// did not write, and expired claims of which a part was moved.
func (q *queue) readClaims(ctx context.Context, t fault.Target, headers []rueidis.ZScore) (claims []heldClaim, err error) {
	var cmds rueidis.Commands
	for _, header := range headers {
		c := heldClaim{lease: &lease{target: t}, until: timeOfScore(header.Score)}
		first, _, _ := strings.Cut(header.Member, " ")
		_, token, ok := strings.Cut(first, "-")
		if !ok || strings.Contains(token, "+") || c.parseHeader(header.Member) != nil {
			continue
		}
		items, done, _ := claimKeys(t, token)
		cmds = append(cmds, q.Client.B().Lrange().Key(items).Start(0).Stop(-1).Build(), q.Client.B().Smembers().Key(done).Build())
		claims = append(claims, c)
	}
	results := q.Client.DoMulti(t.In(ctx), cmds...)
	for i := range claims {
		items, errItems := store.ReadTexts(results[2*i])
		places, errPlaces := results[2*i+1].AsStrSlice()
		_, token, _ := strings.Cut(claims[i].birth, "-")
		itemsKey, doneKey, _ := claimKeys(t, token)
		if errItems != nil {
			return nil, t.WithKey(itemsKey).Failed(errItems)
		}
		if errPlaces != nil {
			return nil, t.WithKey(doneKey).Failed(errPlaces)
		}
		claims[i].items, claims[i].done = items, map[string]bool{}
		for _, place := range places {
			claims[i].done[place] = true
		}
	}
	return claims, nil
}

// parseWaiting parses an entry of again or delayed: "<place> <id> <count>
// <value>", with "+" after the place if the item was put back.
func parseWaiting(entry string) (d delivery, text string, ok bool) {
	parts := strings.SplitN(entry, " ", 4)
	if len(parts) != 4 {
		return d, "", false
	}
	attempt, err := parseDeliveries(parts[2])
	return delivery{parts[1], attempt}, parts[3], err == nil
}
