package listrepo

import (
	"context"
	_ "embed"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/store"
)

// The scripts of queues in a schedule on pools with a pool.Propagator. Each
// wraps the script of other pools, which so stays as it is.
var (
	//go:embed lua/origins.lua
	originsSource string
	//go:embed lua/push_origin.lua
	pushOriginSource string
	//go:embed lua/claim_origins.lua
	claimOriginsSource string
	//go:embed lua/ack_origins.lua
	ackOriginsSource string

	pushUsualOriginScript = store.NewShortScript(function("push", pushUsualSource+pending.ScheduleSource+pushFirstSource)+pushOriginSource, pushReply)
	pushOriginScript      = store.NewTypeCheckingScript(function("push", pending.ScheduleSource+sharedSource+orderSource+pushSource)+pushOriginSource, pushReply)
	claimOriginsScript    = store.NewTypeCheckingScript(function("claim",
		claimUsualSource+pending.ScheduleSource+claimSource+sharedSource+orderSource+claimRedeliveredSource)+originsSource+claimOriginsSource,
		store.Tuple(isClaimReply, store.Texts))
	ackOriginsScript = rueidis.NewLuaScript(acl.RegisterScript(
		function("ack", ackUsualSource+pending.ScheduleSource+ackSource) + originsSource + ackOriginsSource))
)

// function returns a Lua function.
func function(name, body string) string { return "local function " + name + "()\n" + body + "\nend\n" }

// storesOrigins reports whether the queue keeps the origins of its items.
func (q *queue) storesOrigins() bool { return !q.marks.none() && q.Propagates() }

// readOrigins returns the second part of the result of claim_origins.lua.
func readOrigins(m rueidis.RedisMessage) []string {
	origins, _ := m.AsStrSlice() // the shape was checked
	return origins
}

// endedArgs returns what takeEnded of origins.lua reads: by the token of their
// first claim, how many of the items at places are done. If places is nil, all
// items are that are not settled yet.
func (l *lease) endedArgs(places []int) []string {
	if l == nil {
		return []string{"0"}
	}
	if places == nil && l.redelivered == nil && l.unsettled == nil {
		return []string{l.token, strconv.Itoa(l.count), "1"}
	}
	if places == nil {
		l.makeUnsettled()
		places = slices.Collect(maps.Values(l.unsettled))
	}
	byToken := map[string]int{}
	for _, place := range places {
		token := l.token
		if d, ok := l.redelivered[place]; ok {
			token = firstToken(d.id)
		}
		byToken[token]++
	}
	args := make([]string, 0, 2*len(byToken)+1)
	for token, n := range byToken {
		args = append(args, token, strconv.Itoa(n))
	}
	return append(args, strconv.Itoa(len(byToken)))
}

// firstToken returns the token in an id, "<birth>-<token>-<place>".
func firstToken(id string) string {
	_, rest, _ := strings.Cut(id, "-")
	token, _, _ := strings.Cut(rest, "-")
	return token
}

// Origins returns what the [pool.Propagator] of the pools had when the items of
// the claim were pushed, without repetition and in the order of the items: at
// most 32 texts, those of the first items. Items that were delivered before
// have the same origins. Only a queue with [Marks] has origins, such as that of
// a symphony.Batch. They are kept for a day at most, and beside a queue for the
// first thousand pushes that wait. If other programs take items off the list,
// an item may have the origin of another one.
func (c *Claim[T]) Origins() []string {
	if c.lease == nil {
		return nil
	}
	return slices.Clone(c.lease.origins)
}

type originsKey struct{}

// OriginsFrom returns [Claim.Origins] of the items that the handler of
// [ListRepo.Process] with this context handles.
func OriginsFrom(ctx context.Context) []string {
	origins, _ := ctx.Value(originsKey{}).([]string)
	return slices.Clone(origins)
}
