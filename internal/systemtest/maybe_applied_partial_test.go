package systemtest

import (
	"errors"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

// MaybeApplied is true if the server applied one command of a call and refused
// another. The error of each record is exact.
func TestMaybeAppliedAfterAPartialWrite(t *testing.T) {
	admin, p := openRestricted(t, "~acme:*ok*", "~%load*")
	type row struct {
		A string `redis:"a"`
	}
	type versioned struct {
		A string `redis:"a"`
		V int64  `redis:",version"`
	}
	users, err := symphony.NewUser[row](p, "acme")
	require.NoError(t, err)
	versionedUsers, err := symphony.NewUser[versioned](p, "acme")
	require.NoError(t, err)
	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "acme", "u")
	require.NoError(t, err)
	rowsOf := func(ids ...string) (all []hashrepo.Record[row]) {
		for _, id := range ids {
			all = append(all, hashrepo.Record[row]{ID: id})
		}
		return all
	}
	prepare := func() {
		for _, id := range []string{"ok", "no"} {
			require.NoError(t, pooltest.Do(t, admin, pool.User, "HSET", "acme:user:"+id, "a", "x", "V", "1").Error())
			require.NoError(t, pooltest.Do(t, admin, pool.SharedState, "HSET", "acme:SS:"+id+":u", "a", "x").Error())
			require.NoError(t, pooltest.Do(t, admin, pool.Default, "SET", "acme:"+id, "x").Error())
			require.NoError(t, pooltest.Do(t, admin, pool.Handlers, "HSET", "acme:df:"+id+":pkid:1", "a", "x").Error())
		}
	}
	set := func(opts ...symphony.Option) func() error {
		return func() error {
			return values.With(opts...).SetMany(ctx, kvrepo.Record[string]{ID: "no"}, kvrepo.Record[string]{ID: "ok"})
		}
	}
	for name, call := range map[string]func() error{
		"UpsertMany":       func() error { return users.UpsertMany(ctx, rowsOf("no", "ok")...) },
		"Delete":           func() error { _, err := users.Delete(ctx, "no", "ok"); return err },
		"Delete IfVersion": func() error { _, err := versionedUsers.With(hashrepo.IfVersion(1)).Delete(ctx, "no", "ok"); return err },
		"DeleteAll":        func() error { _, err := users.DeleteAll(ctx); return err },
		"Clear":            func() error { _, err := shared.Clear(ctx); return err },
		"DeleteAllByPK":    func() error { _, err := symphony.DeleteAllByPK(ctx, p, "acme", "1"); return err },
		"SetMany":          set(),
		"SetMany KeepTTL":  set(symphony.KeepTTL()),
		"Delete values":    func() error { _, err := values.Delete(ctx, "no", "ok"); return err },
	} {
		prepare()
		err := call()
		var op *symphony.OpError
		require.ErrorAs(t, err, &op, name)
		require.True(t, op.MaybeApplied(), "%s: %v", name, err)
		require.ErrorContains(t, err, "NOPERM", name)
	}

	err = users.UpsertMany(ctx, rowsOf("no", "ok")...)
	var joined interface{ Unwrap() []error }
	require.ErrorAs(t, err, &joined)
	var op *symphony.OpError
	require.ErrorAs(t, errors.Join(joined.Unwrap()...), &op)
	require.Equal(t, "acme:user:no", op.Key)
	require.False(t, op.MaybeApplied(), "the server refused this record")

	err = users.UpsertMany(ctx, rowsOf("no", "no2")...)
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied(), "nothing was applied")
}

// MaybeApplied is true if DeleteAll has deleted a page and a later SCAN is
// refused.
func TestMaybeAppliedAfterAnInterruptedDeleteAll(t *testing.T) {
	admin, p := openRestricted(t, "~*")
	values, err := symphony.NewGeneric[int](p, "acme")
	require.NoError(t, err)
	integerReply := func(args ...string) int64 {
		n, err := pooltest.Do(t, admin, pool.Default, args...).AsInt64()
		require.NoError(t, err)
		return n
	}
	all := make([]kvrepo.Record[int], 20_000)
	for i := range all {
		all[i].ID = strconv.Itoa(i)
	}
	for range 50 {
		require.NoError(t, pooltest.Do(t, admin, pool.Default, "ACL", "SETUSER", "restricted", "+scan").Error())
		require.NoError(t, values.SetMany(ctx, all...))
		keys := integerReply("DBSIZE")
		ended := make(chan error)
		go func() { _, err := values.DeleteAll(ctx); ended <- err }()
		for integerReply("DBSIZE") == keys {
		}
		require.NoError(t, pooltest.Do(t, admin, pool.Default, "ACL", "SETUSER", "restricted", "-scan").Error())
		err := <-ended
		if err == nil {
			continue // DeleteAll ended before the permission was revoked
		}
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, op.MaybeApplied(), err)
		require.ErrorContains(t, err, "NOPERM")
		return
	}
	t.Fatal("DeleteAll always ended before the permission was revoked")
}

// openRestricted opens pools of a user that may use only the keys of the
// patterns, and pools of an administrator of the same server.
func openRestricted(t *testing.T, keys ...string) (admin, p *pool.Pools) {
	t.Helper()
	server := redistest.Server(t)
	admin = pooltest.Redis(t, pool.Config{URL: server.URL()})
	user := append([]string{"ACL", "SETUSER", "restricted", "on", ">secret", "+@all"}, keys...)
	require.NoError(t, pooltest.Do(t, admin, pool.Default, user...).Error())
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	u.User = url.UserPassword("restricted", "secret")
	return admin, pooltest.Redis(t, pool.Config{URL: u.String()})
}
