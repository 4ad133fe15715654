// Package scope carries the identity of a request, and other values that belong
// to it, in a context.Context.
//
// [Middleware] adds them to the context of every request:
//
//	identify := func(r *http.Request) (scope.Identity, error) { ... }
//	handler := scope.Middleware(identify, symphony.BindSharedState(pools))(mux)
//
// Every function that receives the context can read them, in any goroutine:
//
//	id, ok := scope.From(ctx)
//	state, ok := symphony.SharedStateFrom(ctx)
//
// If a value is absent, ok is false.
//
// The values are values of the context, so every derived context has them. Work
// that outlives the request keeps them with [context.WithoutCancel]. Work that
// begins without a request, such as that of a queue's worker or a trigger's
// handler, adds them with [Bind].
//
// A program adds values of other types with a [Key] and a [Binder]:
//
//	var Plan = scope.NewKey[billing.Plan]("plan")
//
//	func bindPlan(
//		ctx context.Context, id scope.Identity,
//	) (context.Context, error) {
//		plan, err := plans.Get(ctx, id.Tenant)
//		if err != nil {
//			return nil, err
//		}
//		return Plan.With(ctx, plan), nil
//	}
package scope
