//! A layer of burn's own operations that is one node of its graph, its way back written down: for layers of many small
//! steps, where a graph of each would copy more than it computes. Runs on any device, in any precision.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor, Flex,
};
use burn::tensor::Tensor;

/// A layer of `N` inputs, with its gradients; all tensors are outside of a graph.
pub(crate) trait Layer<const N: usize>: Clone + Debug + Send + 'static {
    /// What the forward pass keeps for the backward pass, beside the inputs.
    type Kept: Clone + Debug + Send + 'static;

    /// The answer to `inputs`, and what the backward pass needs.
    fn forward(&self, inputs: [DispatchTensor; N]) -> (DispatchTensor, Self::Kept);

    /// From the loss's gradient by the answer, that by each input that is `wanted`, in the input's shape.
    fn backward(
        &self,
        inputs: [DispatchTensor; N],
        kept: Self::Kept,
        gradient: DispatchTensor,
        wanted: [bool; N],
    ) -> [Option<DispatchTensor>; N];
}

/// Runs `layer` where its inputs are; on a device that this build does not know, `other`.
pub(crate) fn apply<L: Layer<N>, const N: usize, const D: usize>(
    layer: &L,
    inputs: [DispatchTensor; N],
    other: impl FnOnce() -> Tensor<D>,
) -> Tensor<D> {
    if inputs.iter().all(|input| input.autodiff == DispatchAutodiffContext::Disabled) {
        return Tensor::from_dispatch(layer.forward(inputs).0);
    }
    #[cfg(feature = "cuda")]
    if let Some(answer) = on::<burn::backend::Cuda, L, N>(layer, &inputs) {
        return Tensor::from_dispatch(answer);
    }
    on::<Flex, L, N>(layer, &inputs).map_or_else(other, Tensor::from_dispatch)
}

fn on<B: Backend, L: Layer<N>, const N: usize>(
    layer: &L,
    inputs: &[DispatchTensor; N],
) -> Option<DispatchTensor>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    let inputs = inputs.iter().map(|input| tracked::<B>(input.clone())).collect::<Option<Vec<_>>>()?;
    let inputs: [FloatTensor<Autodiff<B>>; N] = inputs.try_into().ok()?;
    let guards = inputs.each_ref().map(|input| input.node());
    let inputs = inputs.map(|input| put::<B>(input.into_primitive()));
    let (answer, kept) = layer.forward(inputs.clone());
    let answer = taken::<B>(answer)?;
    let answer = match Step(layer.clone()).prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((inputs, kept), answer),
        OpsKind::UnTracked(prep) => prep.finish(answer),
    };
    Some(<DispatchTensor as DispatchKindConversion<Autodiff<B>>>::from_backend(BackendTensor::Float(answer)))
}

fn put<B: Backend>(tensor: FloatTensor<B>) -> DispatchTensor
where
    DispatchTensor: DispatchKindConversion<B>,
{
    <DispatchTensor as DispatchKindConversion<B>>::from_backend(BackendTensor::Float(tensor))
}

pub(super) fn taken<B: Backend>(tensor: DispatchTensor) -> Option<FloatTensor<B>>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    match <DispatchTensor as DispatchKindConversion<B>>::try_into_backend(tensor).ok()? {
        BackendTensor::Float(tensor) => Some(tensor),
        _ => None,
    }
}

/// A tensor of the graph; one that belongs to no graph is a constant in it.
pub(super) fn tracked<B: Backend>(input: DispatchTensor) -> Option<FloatTensor<Autodiff<B>>>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    if input.autodiff == DispatchAutodiffContext::Disabled {
        return taken::<B>(input).map(FloatTensor::<Autodiff<B>>::new);
    }
    match <DispatchTensor as DispatchKindConversion<Autodiff<B>>>::try_into_backend(input).ok()? {
        BackendTensor::Float(tensor) => Some(tensor),
        _ => None,
    }
}

/// The backward step of a layer, in burn's graph.
#[derive(Debug)]
struct Step<L>(L);

impl<B: Backend, L: Layer<N>, const N: usize> Backward<B, N> for Step<L>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    type State = ([DispatchTensor; N], L::Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = put::<B>(grads.consume::<B>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let (inputs, kept) = ops.state;
        let found = self.0.backward(inputs, kept, gradient, wanted);
        for (parent, gradient) in ops.parents.iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient.and_then(taken::<B>)) {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}
