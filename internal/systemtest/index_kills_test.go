package systemtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// After writers and the server were killed, every record that is stored is
// found through the list and the indexes, and nothing else is. When the records
// have expired, Sweep leaves nothing. This is the short form of
// TestSoakIndexKills.
func TestIndexesSurviveKills(t *testing.T) {
	indexKillTest{duration: 3 * time.Second, restarts: 3}.run(t)
}

// TestSoakIndexKills is the long form of TestIndexesSurviveKills; `make soak`
// runs it.
func TestSoakIndexKills(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	indexKillTest{duration: 2 * time.Minute, restarts: 1 << 20}.run(t)
}

type indexKillTest struct {
	duration time.Duration
	restarts int // the most of the server
}

const indexKillTenant = "kills"

// account is a record with indexes.
type account struct {
	Email string   `redis:"email,omitzero,unique"`
	City  string   `redis:"city,index"`
	Score int64    `redis:"score,index"`
	Tags  []string `redis:"tags,index"`
}

var (
	accountEmail = hashrepo.TextOf(func(a *account) *string { return &a.Email })
	accountCity  = hashrepo.TextOf(func(a *account) *string { return &a.City })
	accountScore = hashrepo.NumberOf(func(a *account) *int64 { return &a.Score })
	accountTags  = hashrepo.ListOf(func(a *account) *[]string { return &a.Tags })
)

func (k indexKillTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	accounts, err := symphony.NewUser[account](p, indexKillTenant)
	require.NoError(t, err)
	for _, err := range accounts.Reindex(ctx) {
		require.NoError(t, err)
	}
	killed := killer{server: server, pause: 250 * time.Millisecond, restarts: k.restarts}
	for i := range 4 {
		killed.processes = append(killed.processes, &childProcess{t: t, test: "TestIndexWriterProcess", number: i, setting: server.URL()})
	}
	begun := time.Now()
	kills, restarts := killed.run(t, func() {}, func() bool { return time.Since(begun) > k.duration })

	stored := storedAccounts(t, p, accounts)
	requireFound(t, accounts, stored)
	for id := range stored {
		require.NoError(t, pooltest.Do(t, p, pool.User, "PEXPIRE", indexKillTenant+":user:"+id, "1").Error())
	}
	require.Eventually(t, func() bool { return !slices.ContainsFunc(pooltest.Keys(t, p, pool.User), isAccountKey) }, time.Minute, time.Millisecond)
	_, err = accounts.Sweep(ctx)
	require.NoError(t, err)
	for _, key := range pooltest.Keys(t, p, pool.User) {
		require.True(t, strings.HasPrefix(key, "%indexed"), "the key %q is left", key)
	}
	t.Logf("%d kills of writers, %d of the server; %d records were stored, and exactly those were found", kills, restarts, len(stored))
}

func isAccountKey(key string) bool { return strings.HasPrefix(key, indexKillTenant+":user:") }

// storedAccounts removes the lifetimes of the records that are left, and
// returns them.
func storedAccounts(t *testing.T, p *pool.Pools, accounts *symphony.User[account]) map[string]account {
	stored := map[string]account{}
	for _, key := range pooltest.Keys(t, p, pool.User) {
		if !isAccountKey(key) {
			continue
		}
		require.NoError(t, pooltest.Do(t, p, pool.User, "PERSIST", key).Error())
		id := strings.TrimPrefix(key, indexKillTenant+":user:")
		v, err := accounts.Get(ctx, id)
		require.NoError(t, ignoreNotFound(err))
		if err == nil {
			stored[id] = v
		}
	}
	require.NotEmpty(t, stored)
	return stored
}

// requireFound requires that queries return exactly the stored records that
// match.
func requireFound(t *testing.T, accounts *symphony.User[account], stored map[string]account) {
	t.Helper()
	requireAccounts(t, accounts, stored, func(account) bool { return true })
	holders := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		email := stored[id].Email
		if email == "" {
			continue
		}
		require.Empty(t, holders[email], "two records have the unique email %s", email)
		holders[email] = id
		found, err := accounts.FindOne(ctx, accountEmail.Eq(email))
		require.NoError(t, err)
		require.Equal(t, hashrepo.Record[account]{ID: id, Value: stored[id]}, found)
	}
	for _, city := range accountCities {
		requireAccounts(t, accounts, stored, func(a account) bool { return a.City == city }, accountCity.Eq(city))
	}
	for low := int64(1); low < 20; low++ { // an absent score is in no range
		requireAccounts(t, accounts, stored, func(a account) bool { return low <= a.Score && a.Score < low+5 }, accountScore.Between(low, low+5))
	}
	for _, tag := range accountTagTexts {
		requireAccounts(t, accounts, stored, func(a account) bool { return slices.Contains(a.Tags, tag) }, accountTags.Contains(tag))
	}
}

// requireAccounts requires that Find returns the stored records that match, and
// that Count returns their number.
func requireAccounts(t *testing.T, accounts *symphony.User[account], stored map[string]account, matches func(account) bool, conds ...hashrepo.Cond[account]) {
	t.Helper()
	want, got := map[string]account{}, map[string]account{}
	for id, v := range stored {
		if matches(v) {
			want[id] = v
		}
	}
	for r, err := range accounts.Find(ctx, conds...) {
		require.NoError(t, err)
		got[r.ID] = r.Value
	}
	require.Equal(t, want, got)
	n, err := accounts.Count(ctx, conds...)
	require.NoError(t, err)
	require.EqualValues(t, len(want), n)
}

var (
	accountCities   = []string{"Berlin", "Bern", "Bonn", "Kiel"}
	accountTagTexts = []string{"new", "old", "sold"}
)

// TestIndexWriterProcess is not a test. It is a childProcess that writes
// records until it is killed.
func TestIndexWriterProcess(t *testing.T) {
	alive, url, _ := childSetting[string](t)
	accounts, err := symphony.NewUser[account](openWhenReady(alive, url), indexKillTenant)
	require.NoError(t, err)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for alive.Err() == nil {
				_ = writeAccount(alive, accounts) // the server may be down, and emails are taken
			}
		})
	}
	writers.Wait()
}

// writeAccount makes a random change.
func writeAccount(ctx context.Context, accounts *symphony.User[account]) error {
	id := fmt.Sprint("u", rand.N(300))
	views := []hashrepo.Option{symphony.NoTTL(), symphony.KeepTTL(), symphony.TTL(time.Hour), symphony.TTL(time.Duration(1+rand.N(300)) * time.Millisecond)}
	view := accounts.With(views[rand.N(len(views))])
	v := account{City: accountCities[rand.N(len(accountCities))], Score: rand.N(int64(20)), Tags: []string{accountTagTexts[rand.N(len(accountTagTexts))]}}
	if rand.N(2) == 0 {
		v.Email = fmt.Sprint("e", rand.N(100))
	}
	switch rand.N(12) {
	case 0, 1, 2:
		return view.Upsert(ctx, id, v)
	case 3:
		return view.Replace(ctx, id, v)
	case 4, 5:
		return view.Update(ctx, id, accountScore.Add(1), accountTags.Append(v.Tags...))
	case 6:
		return view.Update(ctx, id, accountEmail.Set(v.Email), accountCity.Set(v.City))
	case 7:
		_, err := view.Mutate(ctx, id, func(a *account) error { a.Score++; a.Tags = v.Tags; return nil })
		return err
	case 8:
		return view.UpsertMany(ctx, hashrepo.Record[account]{ID: id, Value: v}, hashrepo.Record[account]{ID: id + "b", Value: account{City: v.City}})
	case 9:
		_, err := view.DeleteField(ctx, id, "city", "email")
		return err
	case 10:
		_, err := accounts.Delete(ctx, id)
		return err
	}
	switch rand.N(40) {
	case 0:
		_, err := accounts.DeleteAll(ctx)
		return err
	case 1, 2, 3:
		_, err := accounts.Sweep(ctx)
		return err
	case 4:
		for _, err := range accounts.Reindex(ctx) {
			if err != nil {
				return err
			}
		}
	}
	for _, err := range accounts.Find(ctx, accountScore.AtLeast(5)) {
		if err != nil {
			return err
		}
	}
	return nil
}
