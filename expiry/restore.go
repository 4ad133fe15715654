package expiry

import (
	"context"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal"
)

// RestoreFiring adds a firing that waits for its next attempt, or a dead
// letter, with the counters of the event. The time is that of the next attempt
// or of the death. A payload is encoded with the codec of the schedule. Only
// package symphony calls it, for Import.
func (s *Schedule) RestoreFiring(ctx context.Context, _ internal.NotForPublicUse, e Event, at time.Time, dead, hasPayload bool) error {
	w, err := s.begin(ctx, "Import", e.Action, e.ID)
	if err != nil {
		return err
	}
	args := []string{
		strconv.FormatInt(e.DueAt.UnixMilli(), 10), strconv.FormatInt(at.UnixMilli(), 10),
		strconv.Itoa(e.Attempt), strconv.Itoa(e.Failures), strconv.Itoa(e.ExpiredLeases), cutErrorText(e.LastError), "",
	}
	if dead {
		args[len(args)-1] = "1"
	}
	payload, err := s.encodePayload(w, setRequest{hasPayload: hasPayload})
	if err != nil {
		return err
	}
	if text := e.Rule.text() + payload; text != "" {
		args = append(args, text)
	}
	keys := []string{w.Key, w.scheduleKey("active"), w.scheduleKey("status"), w.scheduleKey("payloads"), w.scheduleKey("dead")}
	if _, err := runScript(ctx, s.core.Client, s.lua.restore, keys, args); err != nil {
		return sentError(w.Target, err)
	}
	return nil
}

// RestoreRecurring sets a recurring trigger that is due at the time of the
// event and has its rule. Only package symphony calls it, for Import.
func (s *Schedule) RestoreRecurring(ctx context.Context, _ internal.NotForPublicUse, e Event, hasPayload bool) error {
	return s.set(ctx, setRequest{op: "Import", action: e.Action, id: e.ID, isAt: true, at: e.DueAt, rule: e.Rule, hasPayload: hasPayload})
}
