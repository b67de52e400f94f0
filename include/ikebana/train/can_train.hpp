// What a Trainer is made of, asked before anything of it is instantiated.
#pragma once
#include <ikebana/core/error.hpp>

namespace ikebana {

template <class What, class Expected, class Given>
struct trainer_mismatch; // never defined: its name is the message
struct a_network_with_backward;
struct a_loss;
struct an_optimizer;

template <template <class> class>
struct a_template;

/// True, or the sentence that names what a Trainer cannot be made of.
template <class Net, class Loss, class Optimizer>
consteval bool can_train() {
    if constexpr (Net::is_inference)
        (void)sizeof(trainer_mismatch<Net, expected<a_network_with_backward>, given<Net>>);
    else if constexpr (!requires { typename a_template<Loss::template program>; })
        (void)sizeof(trainer_mismatch<Loss, expected<a_loss>, given<Loss>>);
    else if constexpr (!requires(Optimizer o) { Optimizer::arrays, o.learning_rate; })
        (void)sizeof(trainer_mismatch<Optimizer, expected<an_optimizer>, given<Optimizer>>);
    return true;
}

} // namespace ikebana
