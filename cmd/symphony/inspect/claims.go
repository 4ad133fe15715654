package inspect

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
)

// lateLease is how long a lease may have expired before its items should have
// been claimed again.
const lateLease = 10 * time.Second

// checkClaim checks that a claim has a lease.
func (c *checker) checkClaim(k symphony.Key) error {
	client, err := c.pools.Client(k.Pool)
	if err != nil {
		return err
	}
	_, token, _ := strings.Cut(k.Beside, "-")
	due := keyspace.Beside("due", k.Record)
	for cursor := uint64(0); ; {
		page, err := client.Do(c.ctx, client.B().Zscan().Key(due).Cursor(cursor).Match("*-"+token+"*").Count(entryPage).Build()).AsScanEntry()
		if _, refused := rueidis.IsRedisErr(err); refused {
			break // another problem
		}
		if err != nil {
			return fmt.Errorf("ZSCAN of %s: %w", due, err)
		}
		if slices.ContainsFunc(page.Elements, func(header string) bool { return tokenOf(header) == token }) {
			return nil
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	exists, err := client.Do(c.ctx, client.B().Exists().Key(k.Name).Build()).AsInt64()
	if err != nil || exists == 0 { // its items are done, or were moved
		return err
	}
	return c.report("claim", k, "the claim has items, but %s has no lease of it, so no worker delivers them again; move them back to the queue %s with LMOVE", due, k.Record)
}

// tokenOf returns the token of the header of a claim: "<birth>-<token>", and
// after it "+" or a space.
func tokenOf(header string) string {
	first, _, _ := strings.Cut(header, " ")
	_, token, _ := strings.Cut(first, "-")
	token, _, _ = strings.Cut(token, "+")
	return token
}

// checkLeases checks that the claims of a queue are delivered again after their
// leases, and that workers know the queue.
func (c *checker) checkLeases(k symphony.Key) error {
	client, err := c.pools.Client(k.Pool)
	if err != nil {
		return err
	}
	now, err := serverTime(c.ctx, client)
	if err != nil {
		return err
	}
	until := strconv.FormatInt(now.Add(-lateLease).UnixMilli(), 10)
	replies := client.DoMulti(c.ctx,
		client.B().Zcount().Key(k.Name).Min("-inf").Max(until).Build(),
		client.B().Zrangebyscore().Key(k.Name).Min("-inf").Max(until).Withscores().Limit(0, 1).Build())
	n, err := replies[0].AsInt64()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return c.report("type", k, "the key of the leases of a queue has another Redis type, so a claim returns ErrWrongType; move it away with RENAME, or remove it")
	}
	oldest, errOldest := replies[1].AsZScores()
	if err := cmp.Or(err, errOldest); err != nil {
		return fmt.Errorf("ZCOUNT and ZRANGEBYSCORE of %s: %w", k.Name, err)
	}
	if n > 0 && len(oldest) > 0 {
		late := now.Sub(time.UnixMilli(int64(oldest[0].Score))).Round(time.Second)
		if err := c.report("claim", k, "%d claims have an expired lease, the first for %v, and no worker has claimed their items since; run WorkBatches for the service %s",
			n, late, k.Parts[0]); err != nil {
			return err
		}
	}
	return c.checkSchedule(client, k)
}

// checkSchedule checks that the schedule of a service has a queue with claims.
func (c *checker) checkSchedule(client rueidis.Client, k symphony.Key) error {
	name := QueueName{k.Tenant, k.Parts[0], k.Parts[1], k.Parts[2]}
	set, err := c.pools.Layout().PendingSet.Key(name.Service)
	if err != nil {
		return err
	}
	member, err := scheduled.Key(name.Tenant, name.Entity, name.Action)
	if err != nil {
		return err
	}
	tenant, _, _ := strings.Cut(member, ":")
	queues := keyspace.Beside("queues", c.pools.Prefix(k.Pool)+set) + ":" + tenant
	for range 2 { // a queue leaves the schedule in the step that removes its last claim
		err := client.Do(c.ctx, client.B().Zscore().Key(queues).Member(member).Build()).Error()
		if !rueidis.IsRedisNil(err) {
			return err
		}
		leases, err := client.Do(c.ctx, client.B().Zcard().Key(k.Name).Build()).AsInt64()
		if err != nil || leases == 0 {
			return err
		}
	}
	return c.report("claim", k, "the queue has claims, but the schedule %s does not have it, so no worker delivers them again after their leases; an Enqueue to the queue adds it", queues)
}

// scheduled is the pattern of the queues in a schedule. docs/bytes.md describes
// it.
var scheduled = keyspace.MustCompile("{tenant}:{entity}:{action}")

// firingState finds the state in the status of a firing.
var firingState = regexp.MustCompile(`^\d+ \d+ \d+ ([012])`)

// checkFirings checks that each firing has a lease, a time of its next attempt,
// or a place among the dead letters.
func (c *checker) checkFirings(k symphony.Key) error {
	client, err := c.pools.Client(k.Pool)
	if err != nil {
		return err
	}
	for cursor := uint64(0); ; {
		page, err := client.Do(c.ctx, client.B().Hscan().Key(k.Name).Cursor(cursor).Count(entryPage).Build()).AsScanEntry()
		if _, refused := rueidis.IsRedisErr(err); refused {
			return c.report("type", k, "a key of the schedule of triggers has another Redis type, so listeners cannot work; move it away with RENAME, or remove it")
		}
		if err != nil {
			return fmt.Errorf("HSCAN of %s: %w", k.Name, err)
		}
		var members []string
		for i := 0; i < len(page.Elements); i += 2 {
			if !strings.HasPrefix(page.Elements[i], "=|") && !strings.HasPrefix(page.Elements[i], "+|") {
				members = append(members, page.Elements[i])
			}
		}
		for range 2 { // a firing that ended or was claimed meanwhile is right now
			if members, err = c.lostFirings(client, k.Name, members); err != nil {
				return err
			}
		}
		for _, member := range members {
			if err := c.report("firing", k, "the firing %q has no lease and no time of its next attempt, so it is not delivered again; run a listener that handles the action %q: its sweep restores it",
				member, k.Parts[0]); err != nil {
				return err
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// lostFirings returns those of the firings that have a status, but no entry
// that goes with it.
func (c *checker) lostFirings(client rueidis.Client, status string, members []string) (lost []string, err error) {
	if len(members) == 0 {
		return nil, nil
	}
	active, dead := strings.Replace(status, ":status:", ":active:", 1), strings.Replace(status, ":status:", ":dead:", 1)
	// The statuses come last: a firing that ends meanwhile has none.
	replies := client.DoMulti(c.ctx,
		client.B().Zmscore().Key(active).Member(members...).Build(),
		client.B().Zmscore().Key(dead).Member(members...).Build(),
		client.B().Hmget().Key(status).Field(members...).Build())
	var all [3][]rueidis.RedisMessage
	for i, reply := range replies {
		if all[i], err = reply.ToArray(); err != nil {
			return nil, fmt.Errorf("the schedule of %s: %w", status, err)
		}
	}
	for i, member := range members {
		text, err := all[2][i].ToString()
		state := firingState.FindStringSubmatch(text)
		if err != nil || state == nil {
			continue // it has ended, or the list of dead letters shows that it is invalid
		}
		if state[1] == "2" && all[1][i].IsNil() || state[1] != "2" && all[0][i].IsNil() {
			lost = append(lost, member)
		}
	}
	return lost, nil
}
