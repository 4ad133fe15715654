package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Login struct {
	User string `redis:"user"`
	Code string `redis:"code"`
}

var loginCode = hashrepo.FieldOf(func(l *Login) *string { return &l.Code })

// SetFor sets a field that expires before its record does. This needs Redis 7.4
// or Valkey 9. If the server cannot do it, such as the embedded one, Update
// returns ErrUnsupported and writes nothing.
func ExampleField_SetFor() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:login:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	logins, err := hashrepo.New[Login](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	err = logins.Update(ctx, "l1", loginCode.SetFor("483920", 5*time.Minute))
	switch {
	case errors.Is(err, hashrepo.ErrUnsupported):
		fmt.Println("fields have no lifetime on this server")
	case err != nil:
		log.Fatal(err)
	}
	// Output: fields have no lifetime on this server
}
