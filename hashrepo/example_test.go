package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A repository of one's own: a record, a pattern for its keys, and New.
func Example() {
	type Session struct {
		User  string   `redis:"user"`
		Hits  int64    `redis:"hits"`
		Pages []string `redis:"pages"`
	}
	sessions := keyspace.MustCompile("{tenant}:session:{id}")

	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := sessions.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	repo, err := hashrepo.New[Session](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(repo.Upsert(ctx, "s1", Session{User: "Alice"}))
	hits, err := repo.IncrementField(ctx, "s1", "hits", 2)
	fmt.Println(hits, err)
	fmt.Println(repo.AppendToList(ctx, "s1", "pages", "/", "/orders"))
	session, err := repo.Get(ctx, "s1")
	fmt.Printf("%+v %v\n", session, err)
	// Output:
	// <nil>
	// 2 <nil>
	// <nil>
	// {User:Alice Hits:2 Pages:[/ /orders]} <nil>
}

// Patches change the fields that they name: all of them, or none.
func ExampleHashRepo_Update() {
	type Profile struct {
		Name  string   `redis:"name"`
		Level int8     `redis:"level"`
		Tags  []string `redis:"tags"`
	}
	// As variables of the package, so that a bad selector stops the program when it starts.
	name := hashrepo.FieldOf(func(p *Profile) *string { return &p.Name })
	level := hashrepo.NumberOf(func(p *Profile) *int8 { return &p.Level })
	tags := hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })

	ctx := context.Background()
	repo, done := open[Profile](ctx)
	defer done()
	fmt.Println(repo.Update(ctx, "u1", name.Set("Alice"), level.Add(100), tags.Append("admin")))

	err := repo.Update(ctx, "u1", name.Set("Bob"), level.Add(100))
	fmt.Println(errors.Is(err, hashrepo.ErrOverflow))

	p, err := repo.Merge(ctx, "u1", tags.Append("beta"))
	fmt.Printf("%+v %v\n", p, err)
	// Output:
	// <nil>
	// true
	// {Name:Alice Level:100 Tags:[admin beta]} <nil>
}

// The function sees fresh data each time that somebody wrote between.
func ExampleHashRepo_Mutate() {
	type Cart struct {
		Items map[string]int `redis:"items"`
	}
	ctx := context.Background()
	repo, done := open[Cart](ctx)
	defer done()
	cart, err := repo.Mutate(ctx, "c1", func(c *Cart) error {
		if c.Items == nil {
			c.Items = map[string]int{}
		}
		c.Items["cup"]++
		return nil
	})
	fmt.Println(cart.Items["cup"], err)
	// Output: 1 <nil>
}

// With a version, whoever saves a record that somebody else changed meanwhile
// is told so.
func ExampleIfVersion() {
	type Page struct {
		Text    string `redis:"text"`
		Version int64  `redis:"version,version"`
	}
	text := hashrepo.FieldOf(func(p *Page) *string { return &p.Text })
	ctx := context.Background()
	repo, done := open[Page](ctx)
	defer done()

	fmt.Println(repo.Upsert(ctx, "p1", Page{Text: "first"}))
	mine, err := repo.Get(ctx, "p1")
	fmt.Println(mine.Version, err)
	fmt.Println(repo.Update(ctx, "p1", text.Set("somebody else's")))

	mine.Text = "mine"
	fmt.Println(errors.Is(repo.Upsert(ctx, "p1", mine), hashrepo.ErrConflict))
	_, err = repo.With(hashrepo.IfVersion(1)).Merge(ctx, "p1", text.Set("mine"))
	fmt.Println(errors.Is(err, hashrepo.ErrConflict))
	// Output:
	// <nil>
	// 1 <nil>
	// <nil>
	// true
	// true
}

func open[T any](ctx context.Context) (repo *hashrepo.HashRepo[T], done func()) {
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:record:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	repo, err = hashrepo.New[T](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	return repo, pools.Close
}

func ExampleHashRepo_Find() {
	type Order struct {
		Item string `redis:"item"`
		Paid bool   `redis:"paid"`
	}
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:order:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	orders, err := hashrepo.New[Order](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	err = orders.UpsertMany(ctx,
		hashrepo.Record[Order]{ID: "1", Value: Order{"cup", true}},
		hashrepo.Record[Order]{ID: "2", Value: Order{"plate", false}})
	if err != nil {
		log.Fatal(err)
	}

	paid := hashrepo.At[Order]("paid")
	for order, err := range orders.Find(ctx, paid.Eq(false)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(order.ID, order.Value.Item)
	}
	// Output: 2 plate
}

// With Cached a record is read from memory until Redis says that it changed.
// What this program writes shows at once, whichever repository writes it.
func ExampleCached() {
	type Profile struct {
		Name string   `redis:"name"`
		Tags []string `redis:"tags"`
	}
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:profile:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	profiles, err := hashrepo.New[Profile](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	cached := profiles.With(hashrepo.Cached(time.Minute))

	fmt.Println(profiles.Upsert(ctx, "p1", Profile{Name: "Alice", Tags: []string{"new"}}))
	alice, err := cached.Get(ctx, "p1")
	fmt.Println(alice, err)
	alice.Tags[0] = "mine" // a copy: nobody else sees it

	fmt.Println(profiles.UpdateField(ctx, "p1", "name", "Al"))
	alice, err = cached.Get(ctx, "p1")
	fmt.Println(alice, err)
	// Output:
	// <nil>
	// {Alice [new]} <nil>
	// <nil>
	// {Al [new]} <nil>
}
