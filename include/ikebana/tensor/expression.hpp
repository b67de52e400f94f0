// Lazy expressions. A node is a value, trivially copyable, and holds its operands by value; leaves hold pointers. The
// same object is evaluated at a Position by a scalar loop (V = float), by SIMD batches (V = xsimd::batch<float>) or on
// duals (V = Dual<…>, value and slope). Nothing is computed before a backend's assign() walks the elements once.
//
// Two kinds of space are walked: a flat array (index only), and a tile of L samples, [feature][lane]
// (index = feature · L + lane; a feature of a Shape<C,H,W> belongs to channel feature / (H·W)).
// Next to read: tensor/assign.hpp, then backends/reference/assign.hpp.
#pragma once
#include <ikebana/functors/exponential.hpp>
#include <ikebana/functors/relu.hpp>
#include <ikebana/functors/sigmoid.hpp>
#include <ikebana/functors/tanh.hpp>

#include <cstddef>

namespace ikebana {

struct Position {
    std::size_t index = 0; // of the element
    int feature = 0;       // within the sample
    int channel = 0;
    std::ptrdiff_t lane = 0; // first sample of the batch of lanes
};

/// A node. The tag is void, so that xtensor's expressions, which have one of that name, are none.
template <class E>
concept Expression = std::is_void_v<typename E::expression_tag>;

/// The value of an expression at a position, computed in V.
template <class V, class E>
constexpr V value_at(const E& e, Position p) {
    if constexpr (requires { e.template load<float>(p); } && is_dual<V>)
        return V{e.template load<decltype(V::value)>(p), decltype(V::value)(0)}; // a leaf is constant …
    else if constexpr (requires { e.template load<V>(p); })
        return e.template load<V>(p);
    else
        return e.template at<V>(p);
}

// ---- leaves: what they hold, and how it spreads over the space walked

/// One element a position.
template <class T>
struct Elements {
    using expression_tag = void;
    const T* data;
    template <class V>
    constexpr V load(Position p) const {
        return ikebana::load<V>(data + p.index);
    }
};

/// One element a lane (sample), the same for every feature.
template <class T>
struct PerLane {
    using expression_tag = void;
    const T* data;
    template <class V>
    constexpr V load(Position p) const {
        return ikebana::load<V>(data + p.lane);
    }
};

/// One element a feature, the same for every lane.
template <class T>
struct PerFeature {
    using expression_tag = void;
    const T* data;
    template <class V>
    constexpr V load(Position p) const {
        return V(data[p.feature]);
    }
};

/// One element a channel, the same for every place and lane.
template <class T>
struct PerChannel {
    using expression_tag = void;
    const T* data;
    template <class V>
    constexpr V load(Position p) const {
        return V(data[p.channel]);
    }
};

template <class T>
struct Constant {
    using expression_tag = void;
    T value;
    template <class V>
    constexpr V load(Position) const {
        return V(value);
    }
};

/// 1 where the lane's label is the feature, else 0. Labels are stored in the scalar type, a lane each.
template <class T>
struct OneHot {
    using expression_tag = void;
    const T* labels;
    template <class V>
    constexpr V load(Position p) const {
        return select(ikebana::load<V>(labels + p.lane) == V(static_cast<T>(p.feature)), V(1), V(0));
    }
};

/// Sum of `count` arrays that lie `stride` elements apart, in the order ((0 + 1) + 2) + …
template <class T>
struct SumOfArrays {
    using expression_tag = void;
    const T* first;
    std::size_t stride;
    int count;
    template <class V>
    constexpr V load(Position p) const {
        V sum = ikebana::load<V>(first + p.index);
        for (int k = 1; k < count; ++k)
            sum = sum + ikebana::load<V>(first + static_cast<std::size_t>(k) * stride + p.index);
        return sum;
    }
};

/// The variable that a derivative is taken by: slope 1.
template <class E>
struct Variable {
    using expression_tag = void;
    E e;
    template <class V>
    constexpr V at(Position p) const {
        if constexpr (is_dual<V>)
            return V{value_at<decltype(V::value)>(e, p), decltype(V::value)(1)};
        else
            return value_at<V>(e, p);
    }
};

/// d e / d variable at each element, for the Variable inside e.
template <class E>
struct Slope {
    using expression_tag = void;
    E e;
    template <class V>
    constexpr V at(Position p) const {
        return value_at<Dual<V>>(e, p).slope;
    }
};

template <Expression E>
Slope<E> slope(E e) {
    return {e};
}

// ---- inner nodes

template <class F, class A>
struct Unary {
    using expression_tag = void;
    F f;
    A a;
    template <class V>
    constexpr V at(Position p) const {
        return apply(f, value_at<V>(a, p));
    }
};

template <class F, class A, class B>
struct Binary {
    using expression_tag = void;
    A a;
    B b;
    template <class V>
    constexpr V at(Position p) const {
        return F::combine(value_at<V>(a, p), value_at<V>(b, p));
    }
};

namespace functors {
struct add {
    template <class V>
    static constexpr V combine(V a, V b) {
        return a + b;
    }
};
struct subtract {
    template <class V>
    static constexpr V combine(V a, V b) {
        return a - b;
    }
};
struct multiply {
    template <class V>
    static constexpr V combine(V a, V b) {
        return a * b;
    }
};
struct divide {
    template <class V>
    static constexpr V combine(V a, V b) {
        return a / b;
    }
};
struct quick_divide {
    template <class V>
    static constexpr V combine(V a, V b) {
        return QuickQuotient<V>::of(a, b);
    }
};
/// F's derivative where the output is known: F'(x) from y, for functors whose derivative needs no x.
template <class F>
struct derivative_from_output {
    template <class V>
    constexpr V operator()(V y) const {
        return F{}.derivative(y, y);
    }
};
} // namespace functors

// ---- how users write them

template <class T>
concept Operand = Expression<T> || std::is_arithmetic_v<T>;

/// What an operand is in an expression. A Tile or View becomes its elements, so that the types of expressions, and the
/// functions that evaluate them, do not multiply with shapes.
template <class T>
constexpr auto as_expression(T x) {
    if constexpr (requires { x.elements(); })
        return x.elements();
    else if constexpr (Expression<T>)
        return x;
    else
        return Constant<T>{x};
}

template <Expression E>
constexpr auto variable(E e) {
    return Variable<decltype(as_expression(e))>{as_expression(e)};
}

template <class F, class A, class B>
constexpr auto binary(A a, B b) {
    return Binary<F, decltype(as_expression(a)), decltype(as_expression(b))>{as_expression(a), as_expression(b)};
}

template <Operand A, Operand B>
requires(Expression<A> || Expression<B>) constexpr auto operator+(A a, B b) { return binary<functors::add>(a, b); }
template <Operand A, Operand B>
requires(Expression<A> || Expression<B>) constexpr auto operator-(A a, B b) { return binary<functors::subtract>(a, b); }
template <Operand A, Operand B>
requires(Expression<A> || Expression<B>) constexpr auto operator*(A a, B b) { return binary<functors::multiply>(a, b); }
template <Operand A, Operand B>
requires(Expression<A> || Expression<B>) constexpr auto operator/(A a, B b) { return binary<functors::divide>(a, b); }
/// a / b for b > 0, to 3 units in the last place: see QuickQuotient.
template <Operand A, Operand B>
requires(Expression<A> || Expression<B>) constexpr auto quick_quotient(A a, B b) {
    return binary<functors::quick_divide>(a, b);
}
template <Expression A>
constexpr auto operator-(A a) {
    return binary<functors::subtract>(0.0f, a);
}

template <class F, Expression A>
constexpr auto map_with(F f, A a) {
    return Unary<F, decltype(as_expression(a))>{f, as_expression(a)};
}

template <Expression A>
constexpr auto exp(A a) {
    return map_with(functors::exp{}, a);
}
template <Expression A>
constexpr auto log(A a) {
    return map_with(functors::log{}, a);
}
template <Expression A>
constexpr auto sqrt(A a) {
    return map_with(functors::sqrt{}, a);
}
template <Expression A>
constexpr auto tanh(A a) {
    return map_with(functors::tanh{}, a);
}
template <Expression A>
constexpr auto sigmoid(A a) {
    return map_with(functors::sigmoid{}, a);
}
template <Expression A>
constexpr auto relu(A a) {
    return map_with(functors::relu{}, a);
}

} // namespace ikebana
